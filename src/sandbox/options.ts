/** A vendor as Rulrr knows it. */
export interface Client {
  clientId: string;
  clientSecret: string;
}

export interface SandboxOptions {
  /** Who may call. At least one. */
  clients: readonly Client[];
  /** Milliseconds since the epoch. Default: the system's clock. */
  now?: (() => number) | undefined;
  /** How long an integration may stay pending. Rulrr's own limit is not published. Default 30 minutes. */
  integrationTtlMs?: number | undefined;
  /** Default one year, as Rulrr documents. */
  accessTokenTtlMs?: number | undefined;
  /** What an earlier sandbox gave to `save`, to go on from there. */
  state?: string | null | undefined;
  /** Called with the whole state as JSON text after each change. */
  save?: ((text: string) => void) | undefined;
  /** Answer below `/_sandbox`: state, scenarios, faults, reset. Default true. */
  control?: boolean | undefined;
}

/** Some 3,000 years: what is added to now must still be a date. */
const longestMs = 1e14;

/** @throws TypeError naming the option that is missing or wrong; never quoting a secret */
export function checkOptions(options: SandboxOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('createSandbox: options are missing.');
  if (!Array.isArray(options.clients) || !options.clients.length) {
    throw new TypeError('createSandbox: option "clients" must hold at least one {clientId, clientSecret}.');
  }
  options.clients.forEach((client: Partial<Client> | null, at) => {
    for (const name of ['clientId', 'clientSecret'] as const) {
      if (typeof client?.[name] !== 'string' || !client[name].trim()) {
        throw new TypeError(`createSandbox: option "clients[${at}].${name}" is missing or blank.`);
      }
    }
  });
  const ids = options.clients.map(({ clientId }) => clientId);
  const twice = ids.findIndex((id, at) => ids.indexOf(id) !== at);
  // Only the first one's secret would ever be right.
  if (twice >= 0) {
    throw new TypeError(`createSandbox: option "clients[${twice}].clientId" is there already: "${ids[twice]}".`);
  }
  for (const name of ['now', 'save'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw new TypeError(`createSandbox: option "${name}" must be a function.`);
    }
  }
  if (options.control !== undefined && typeof options.control !== 'boolean') {
    throw new TypeError('createSandbox: option "control" must be true or false.');
  }
  if (options.state !== undefined && options.state !== null && typeof options.state !== 'string') {
    throw new TypeError('createSandbox: option "state" must be the text that "save" was given.');
  }
  for (const name of ['integrationTtlMs', 'accessTokenTtlMs'] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isFinite(value) && value > 0 && value <= longestMs)) {
      throw new TypeError(
        `createSandbox: option "${name}" must be a positive number of milliseconds, ${longestMs} at most.`,
      );
    }
  }
}
