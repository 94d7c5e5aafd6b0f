import metadata from 'libphonenumber-js/mobile/metadata';

/** The mobile rules of every region; loaded on demand, since they weigh more than the rest of the numpad. A function: the script tag unpacks them here. */
export const world = () => metadata;
