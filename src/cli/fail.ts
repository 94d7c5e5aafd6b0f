/** Wrong use, or a setting that cannot work: told in plain words, exit code 2. */
export class UsageError extends Error {}

/** Something outside went wrong, such as a port in use: one line, exit code 1. */
export class TroubleError extends Error {}
