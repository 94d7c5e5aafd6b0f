import { base64url } from 'jose';
import { deriveKey } from './derived-key.js';

/** Seals the rows that go to the store. A seam, so that the model tests may run without real encryption. */
export interface Vault {
  seal(rowKey: string, text: string): Promise<string>;
  /** @throws UnreadableRow if the text was altered, stood in another row, or was sealed with a key that is gone. */
  open(rowKey: string, sealed: string): Promise<string>;
  /** True if the text was sealed with the newest key. */
  isCurrent(sealed: string): Promise<boolean>;
  /** SHA-256, base64url. */
  digest(text: string): Promise<string>;
}

/** A row that does not open. Says nothing of what is in it. */
export class UnreadableRow extends Error {
  override readonly name = 'UnreadableRow';
  constructor() {
    super('A row of the token store cannot be read: it was altered or moved, or its key is missing from sealingKeys.');
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const purpose = 'rulrr-embed tokens at rest v1';

/**
 * AES-256-GCM by WebCrypto with a random 96-bit IV: `v1.<key id>.<iv>.<ciphertext>`, base64url. The keys are derived from
 * `keys` by HKDF-SHA-256 for this one purpose, so the same sealing keys open nothing else. The row's key is authenticated
 * with the text: a value copied into another row does not open there.
 *
 * @param keys newest first; the first seals, all open
 */
export function createVault(keys: readonly string[]): Vault {
  const derived = keys.map((key) => deriveKey(key, purpose, `${purpose} key id`));
  // A failing derivation is reported by the call that needs the key.
  for (const one of derived) one.catch(() => undefined);

  const bound = (rowKey: string) => encoder.encode(`${purpose}\0${rowKey}`);

  return {
    async seal(rowKey, text) {
      const { id, key } = await derived[0]!;
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const algorithm = { name: 'AES-GCM', iv, additionalData: bound(rowKey) };
      const sealed = await crypto.subtle.encrypt(algorithm, key, encoder.encode(text));
      return `v1.${id}.${base64url.encode(iv)}.${base64url.encode(new Uint8Array(sealed))}`;
    },
    async open(rowKey, sealed) {
      const [version, id, iv, text, ...rest] = sealed.split('.');
      const key = (await Promise.all(derived)).find((one) => one.id === id)?.key;
      if (version !== 'v1' || !key || !iv || !text || rest.length) throw new UnreadableRow();
      try {
        const algorithm = { name: 'AES-GCM', iv: base64url.decode(iv), additionalData: bound(rowKey) };
        return decoder.decode(await crypto.subtle.decrypt(algorithm, key, base64url.decode(text) as BufferSource));
      } catch {
        throw new UnreadableRow();
      }
    },
    isCurrent: async (sealed) => sealed.startsWith(`v1.${(await derived[0]!).id}.`),
    digest,
  };
}

/** SHA-256, base64url: a row key of bounded length and plain characters for an id of any kind. */
export async function digest(text: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text))));
}
