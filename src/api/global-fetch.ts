/**
 * Next before 15 keeps what `fetch` brings there, with its URL, on the disk and for a year: the tokens that come once, the client secret,
 * and that a session is pending. This is how Next itself asks for what is not to be kept; nothing else reads it.
 */
const notKept = { next: { internal: true, revalidate: 0 } };

/** Looked up at each call: what a test or an agent puts in its place counts. */
export const globalFetch: typeof fetch = (input, init) => globalThis.fetch(input, { ...init, ...notKept });
