import { base64url } from 'jose';

const encoder = new TextEncoder();

export interface DerivedKey {
  /** AES-256-GCM. */
  key: CryptoKey;
  /** Stands beside what the key sealed, to find it again among several. */
  id: string;
}

/** The key for one purpose, and its id, out of one of the vendor's `sealingKeys` (HKDF-SHA-256): what it seals, no other one opens. */
export async function deriveKey(sealingKey: string, purpose: string, idPurpose: string): Promise<DerivedKey> {
  const base = await crypto.subtle.importKey('raw', encoder.encode(sealingKey), 'HKDF', false, [
    'deriveBits',
    'deriveKey',
  ]);
  const hkdf = (info: string) => ({
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(0),
    info: encoder.encode(info),
  });
  const aes = { name: 'AES-GCM', length: 256 };
  const key = await crypto.subtle.deriveKey(hkdf(purpose), base, aes, false, ['encrypt', 'decrypt']);
  const id = await crypto.subtle.deriveBits(hkdf(idPurpose), base, 64);
  return { key, id: base64url.encode(new Uint8Array(id)) };
}
