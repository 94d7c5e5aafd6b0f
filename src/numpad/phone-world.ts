/** The mobile rules of every region; loaded on demand, since they weigh more than the rest of the numpad. */
export { default as world } from 'libphonenumber-js/mobile/metadata';
