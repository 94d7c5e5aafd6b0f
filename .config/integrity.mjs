import { createHash } from 'node:crypto';

/** The value of a script tag's `integrity` attribute. */
export const integrityOf = (bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;
