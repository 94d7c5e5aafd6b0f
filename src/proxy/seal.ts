import { CompactEncrypt, base64url, compactDecrypt } from 'jose';
import * as v from 'valibot';
import { deriveKey } from './derived-key.js';
import type { Flow } from './flow.js';

/** Longer ids were not made here. A store's id and Rulrr's token fit in well below. */
export const maxIdLength = 6144;
export const maxIntegrationTokenLength = 2048;
export const maxStoreIdLength = 256;

/** True for 1 to 256 characters, none of them half a pair: in UTF-8 all halves are the same, and two stores would be one. */
export function isStoreId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= maxStoreIdLength &&
    !/\p{Surrogate}/u.test(value)
  );
}

/** Seals sessions into ids that say nothing, cannot be altered, and are good for one proxy only. */
export interface Sealer {
  seal(flow: Flow): Promise<string>;
  /** The session, or null for everything that was not sealed here. Never throws. Does not judge the time. */
  unseal(id: string): Promise<Flow | null>;
  /** The same for an id that was sealed or unsealed here lately, at once. */
  known(id: string): Flow | undefined;
}

const claimsSchema = v.strictObject({
  f: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  s: v.pipe(v.string(), v.minLength(1), v.maxLength(maxStoreIdLength)),
  t: v.pipe(v.string(), v.minLength(1), v.maxLength(maxIntegrationTokenLength)),
  a: v.number(),
  e: v.number(),
});

/** Last characters that a canonical base64url text may end in, by its length modulo 4: the spare bits must be zero. */
const lastOf: Record<number, RegExp | null> = { 0: /[A-Za-z0-9_-]$/, 1: null, 2: /[AQgw]$/, 3: /[AEIMQUYcgkosw048]$/ };

/** True if there is no second spelling of the same bytes: no padding, no white space, no stray bits. */
function isCanonical(part: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(part) && (lastOf[part.length % 4]?.test(part) ?? false);
}

interface SealingKey {
  key: CryptoKey;
  /** The whole protected header as it stands in an id: compared as text, so that nothing in it is ever negotiated. */
  header: string;
  kid: string;
}

/**
 * Compact JWE, `dir` with `A256GCM`. The keys are derived (HKDF-SHA-256) for ids alone and for `audience` alone, so an id
 * of another purpose, mount, client or upstream does not open here, nor does an id open anything else.
 *
 * @param secrets newest first: the first seals, all open
 * @param audience what an id is bound to beside the store that it carries
 */
export function createSealer(secrets: readonly string[], audience: readonly string[]): Sealer {
  const purpose = JSON.stringify(['rulrr-embed integration id v1', ...audience]);
  const keys = Promise.all(secrets.map((secret) => sealingKey(secret, purpose)));
  // A failing derivation is reported by the call that needs the keys.
  keys.catch(() => undefined);
  /**
   * Unsealing costs more than all else in a poll, and tills ask about the same few ids again and again. Two generations, by
   * the whole id: the old one is let go of once the young one is full, so that a hit moves nothing.
   */
  let young = new Map<string, Flow>();
  let old = new Map<string, Flow>();

  function remember(id: string, flow: Flow): void {
    if (young.size >= generation) {
      old = young;
      young = new Map();
    }
    young.set(id, flow);
  }

  function known(id: string): Flow | undefined {
    const flow = young.get(id);
    if (flow) return flow;
    const older = old.get(id);
    if (older) remember(id, older);
    return older;
  }

  return {
    async seal(flow) {
      const { key, kid } = (await keys)[0]!;
      const claims = {
        f: flow.flowId,
        s: flow.storeId,
        t: flow.integrationToken,
        a: flow.startedAt,
        e: flow.expiresAt,
      };
      const sealed = new CompactEncrypt(encoder.encode(JSON.stringify(claims))).setProtectedHeader(headerOf(kid));
      const id = await sealed.encrypt(key);
      // Whoever starts a session polls it next.
      remember(id, flow);
      return id;
    },
    async unseal(id) {
      const before = known(id);
      if (before) return before;
      const flow = await open(id, await keys);
      if (flow) remember(id, flow);
      return flow;
    },
    known,
  };
}

/** Ids in a generation: as many opened ids are remembered at least, and twice as many at most. */
const generation = 10_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

const headerOf = (kid: string) => ({ alg: 'dir', enc: 'A256GCM', kid });

async function sealingKey(secret: string, purpose: string): Promise<SealingKey> {
  const { key, id } = await deriveKey(secret, purpose, `${purpose} name`);
  return { key, kid: id, header: base64url.encode(JSON.stringify(headerOf(id))) };
}

async function open(id: string, keys: readonly SealingKey[]): Promise<Flow | null> {
  if (id.length > maxIdLength) return null;
  const parts = id.split('.');
  if (parts.length !== 5) return null;
  const [header, wrapped, iv, ciphertext, tag] = parts as [string, string, string, string, string];
  const key = keys.find((one) => one.header === header);
  if (!key || wrapped !== '' || iv.length !== 16 || tag.length !== 22) return null;
  if (!isCanonical(iv) || !isCanonical(ciphertext) || !isCanonical(tag)) return null;
  try {
    const { plaintext } = await compactDecrypt(id, key.key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    const claims = v.safeParse(claimsSchema, JSON.parse(decoder.decode(plaintext)));
    if (!claims.success) return null;
    const { f, s, t, a, e } = claims.output;
    return Object.freeze({ flowId: f, storeId: s, integrationToken: t, startedAt: a, expiresAt: e });
  } catch {
    // Tampered with, or sealed elsewhere: which of the two is nobody's business.
    return null;
  }
}
