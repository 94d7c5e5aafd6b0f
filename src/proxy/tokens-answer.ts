/** The tokens as they are kept. */
export interface TokenPair {
  accessToken: string;
  /** Absent if Rulrr gave none: the store then connects again when the access token ends. */
  refreshToken?: string;
  /** Rulrr's text as given; a number, in quotes or not, as ISO 8601; null if there was none. */
  expiration: string | null;
  /** Undefined if the answer did not say. */
  ereceipt?: boolean;
}

/**
 * Reads the answer of `GET /v1/auth/integration/token`, or null if it holds no access token. Lenient on purpose: Rulrr
 * gives the tokens out once, so an answer that lacks a lesser field is still worth keeping.
 */
export function parseTokens(raw: string): TokenPair | null {
  let answer: Record<string, unknown> | null;
  try {
    answer = JSON.parse(raw) as typeof answer;
  } catch {
    return null;
  }
  // What is JSON and no object has none of these.
  const { success, accessToken, refreshToken, expiration, ereceipt } = answer ?? {};
  if (success === false || typeof accessToken !== 'string' || !accessToken) return null;
  return {
    accessToken,
    ...(typeof refreshToken === 'string' && refreshToken ? { refreshToken } : {}),
    expiration: expirationText(expiration),
    ...(typeof ereceipt === 'boolean' ? { ereceipt } : {}),
  };
}

/** Seconds or milliseconds since 1970 in quotes. Fewer digits, or others, may be a date. */
const numeral = /^\d{10}(\.\d*)?$|^\d{13}$/;

/** A text verbatim; a number as ISO 8601, read as seconds below 1e12 and as milliseconds from there on; null if there is none. */
export function expirationText(expiration: unknown): string | null {
  if (typeof expiration === 'string' && !numeral.test(expiration)) return expiration || null;
  if (typeof expiration !== 'number' && typeof expiration !== 'string') return null;
  const number = Number(expiration);
  const at = new Date(number < 1e12 ? number * 1000 : number);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

const yearMs = 365 * 86_400_000;

/**
 * How long the access token lives from `obtainedAt`, in ms. `expiration` is a hint: what cannot be read, has passed
 * already, ends within a minute or lies more than ten years ahead is taken for the year that Rulrr documents, so that
 * an odd value can never cause one refresh after another.
 */
export function lifeOf(expiration: string | null, obtainedAt: number): number {
  const life = Date.parse(expirationText(expiration) ?? '') - obtainedAt;
  return life >= 60_000 && life <= 10 * yearMs ? life : yearMs;
}
