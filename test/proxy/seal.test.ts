import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompactEncrypt, base64url } from 'jose';
import type { Flow } from '../../src/proxy/flow.js';
import { createSealer, maxIdLength } from '../../src/proxy/seal.js';
import { createVault } from '../../src/proxy/vault.js';
import { fakeClock } from '../support/fake-clock.js';

const newest = 'sealing-key-one-0123456789abcdefghij';
const older = 'sealing-key-two-0123456789abcdefghij';
const audience = ['client', 'https://api.example', '/rulrr'];
const flow: Flow = {
  flowId: '3a3f6c7e-0000-4000-8000-000000000001',
  storeId: 'store-1',
  integrationToken: 'integration-token-that-stays-inside',
  startedAt: 1_700_000_000_000,
  expiresAt: 1_700_001_800_000,
};
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

test('what was sealed comes back, and the id shows nothing of it', async () => {
  const sealer = createSealer([newest], audience);
  const id = await sealer.seal(flow);
  assert.deepEqual({ ...(await sealer.unseal(id)) }, flow);
  assert.match(id, /^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$/);
  const shown = id
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString('latin1'))
    .join(' ');
  for (const secret of [flow.storeId, flow.flowId, flow.integrationToken]) assert.ok(!shown.includes(secret));
  assert.notEqual(id, await sealer.seal(flow), 'two seals of one session differ');
});

test('the longest store and token fit into an id', async () => {
  const sealer = createSealer([newest], audience);
  const long = { ...flow, storeId: '\u{10ffff}'.repeat(128), integrationToken: 'x'.repeat(2048) };
  const id = await sealer.seal(long);
  assert.ok(id.length <= maxIdLength, String(id.length));
  assert.deepEqual({ ...(await sealer.unseal(id)) }, long);
});

test('older keys open, a key that is gone does not', async () => {
  const before = await createSealer([older], audience).seal(flow);
  assert.ok(await createSealer([newest, older], audience).unseal(before));
  assert.equal(await createSealer([newest], audience).unseal(before), null);
});

test('what an earlier release has sealed still opens: a key derived in another way would lose every token there is', async () => {
  const row = 'v1.XCqW6XpUIUU.UiUXrjZHduP5760L.lhT6sdFJLLgGuFuW_m4cKs7sKzc42HKPERrqaBQs';
  const id =
    'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiXzFhRmFPNXgxXzQifQ..XZ6DY05JncVpPdiu.IXYtY4jjKwYbPwm4g3bxVlTmMbU7IKMXafxyE6J0v-kIwzOvQvyFukGB-oaOBpWZ_eoPOcm32_7zs6WJS30bF64cK0iRu7PDmb-9ckVrY-6eeFSST3sUYJPFzC1hkj4lx7P2zrlXyga-QDkgK1e4xX5idPmSLyhZgKh0x0LdHTUs5kDH37I5Nw.ViDGgDrwhCjc0oUG2_DR7Q';
  const vault = createVault([newest]);
  assert.equal(await vault.open('store/till-1', row), 'pair of tokens');
  assert.equal(await vault.digest('till-1'), 'mj8jiNmNyzLYi94hiQSK6-UUjg9lJUtNz6cSPzVx_cY');
  assert.deepEqual({ ...(await createSealer([newest], audience).unseal(id)) }, flow);
});

test('an id is good for one client, one upstream, one mount', async () => {
  const id = await createSealer([newest], audience).seal(flow);
  for (let at = 0; at < audience.length; at++) {
    const other = audience.map((part, index) => (index === at ? part + 'x' : part));
    assert.equal(await createSealer([newest], other).unseal(id), null, `audience ${at}`);
  }
});

test('nothing in the header is negotiated', async () => {
  const sealer = createSealer([newest], audience);
  const [header, , iv, text, tag] = (await sealer.seal(flow)).split('.') as string[];
  const { kid } = JSON.parse(Buffer.from(header!, 'base64url').toString()) as { kid: string };
  const key = crypto.getRandomValues(new Uint8Array(32));
  const forged = await new CompactEncrypt(new TextEncoder().encode('{}'))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
    .encrypt(key);
  assert.equal(await sealer.unseal(forged), null, 'another key under our kid');
  const headers = [
    { alg: 'none', enc: 'A256GCM', kid },
    { alg: 'dir', enc: 'A128GCM', kid },
    { alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', kid, p2c: 1_000_000, p2s: 'AAAAAAAAAAAAAAAAAAAAAA' },
    { alg: 'dir', enc: 'A256GCM', kid, zip: 'DEF' },
    { kid, enc: 'A256GCM', alg: 'dir' },
    { alg: 'dir', enc: 'A256GCM', kid, crit: ['x'], x: 1 },
    { alg: 'dir', enc: 'A256GCM' },
  ];
  for (const each of headers) {
    const encoded = base64url.encode(JSON.stringify(each));
    assert.equal(await sealer.unseal([encoded, '', iv, text, tag].join('.')), null, JSON.stringify(each));
  }
});

test('another spelling of the same bytes is another id', async () => {
  const sealer = createSealer([newest], audience);
  let spellings = 0;
  // Lengths of all residues, so that the ciphertext's last character has four, two and no spare bits.
  for (const extra of ['', 'a', 'aa']) {
    const id = await sealer.seal({ ...flow, storeId: flow.storeId + extra });
    const parts = id.split('.');
    for (const at of [0, 2, 3, 4]) {
      const part = parts[at]!;
      const bytes = Buffer.from(part, 'base64url');
      for (const last of alphabet) {
        const other = part.slice(0, -1) + last;
        if (other === part || !Buffer.from(other, 'base64url').equals(bytes)) continue;
        spellings += 1;
        assert.equal(await sealer.unseal(parts.map((each, index) => (index === at ? other : each)).join('.')), null);
      }
      for (const other of [
        part + '=',
        part + '==',
        ' ' + part,
        part + '\n',
        part.replaceAll('-', '+').replaceAll('_', '/') + '=',
        part.replaceAll('-', '+').replaceAll('_', '/'),
        part.slice(0, 4) + '\n' + part.slice(4),
        '\ufeff' + part,
      ]) {
        if (other === part) continue;
        assert.equal(
          await sealer.unseal(parts.map((each, index) => (index === at ? other : each)).join('.')),
          null,
          other,
        );
      }
    }
    for (const other of [
      id + '.',
      '.' + id,
      id + '.' + parts[4],
      id + '\n',
      ' ' + id,
      parts.slice(0, 4).join('.'),
      id.replace('..', '.AA.'),
    ]) {
      assert.equal(await sealer.unseal(other), null);
    }
    assert.ok(await sealer.unseal(id));
  }
  assert.ok(spellings > 30, `spare bits were tried: ${spellings}`);
});

test('100,000 mutated ids: none is accepted, none throws', async () => {
  const sealer = createSealer([newest, older], audience);
  const ids = await Promise.all(
    Array.from({ length: 20 }, (_, at) => sealer.seal({ ...flow, storeId: 's'.repeat(1 + at) })),
  );
  const genuine = new Set(ids);
  const clock = fakeClock(0, 6);
  const pick = (below: number) => Math.floor(clock.random() * below);
  const letters = alphabet + '.=+/% \0é';
  const mutate = (id: string): string => {
    const at = pick(id.length);
    switch (pick(8)) {
      case 0: return id.slice(0, at) + letters[pick(letters.length)] + id.slice(at + 1);
      case 1: return id.slice(0, at) + id.slice(at + 1);
      case 2: return id.slice(0, at) + letters[pick(letters.length)] + id.slice(at);
      case 3: return id.slice(0, at);
      case 4: return id.slice(0, at) + ids[pick(ids.length)]!.slice(at);
      case 5: return id.slice(0, at) + (id[at] === id[at]!.toLowerCase() ? id[at]!.toUpperCase() : id[at]!.toLowerCase()) + id.slice(at + 1);
      case 6: {
        // Parts of two genuine ids: each is whole, together they are not.
        const one = id.split('.');
        const two = ids[pick(ids.length)]!.split('.');
        const swap = pick(5);
        return one.map((part, index) => (index === swap ? two[index] : part)).join('.');
      }
      default: {
        const other = pick(id.length);
        const [from, to] = [Math.min(at, other), Math.max(at, other)];
        return id.slice(0, from) + [...id.slice(from, to)].reverse().join('') + id.slice(to);
      }
    }
  }; // prettier-ignore
  let tried = 0;
  while (tried < 100_000) {
    const batch: Promise<Flow | null>[] = [];
    while (batch.length < 500) {
      const id = mutate(ids[pick(ids.length)]!);
      if (genuine.has(id)) continue;
      batch.push(sealer.unseal(id));
    }
    for (const outcome of await Promise.all(batch)) assert.equal(outcome, null);
    tried += batch.length;
  }
});

test('ids remembered as opened stay bounded, and are never mixed up', async () => {
  const sealer = createSealer([newest], audience);
  const ids: string[] = [];
  // Two generations of 10,000 are remembered at most, and one at least.
  while (ids.length < 21_000) {
    const batch = Array.from({ length: 500 }, (_, at) => `store-${ids.length + at}`);
    ids.push(...(await Promise.all(batch.map((storeId) => sealer.seal({ ...flow, storeId })))));
  }
  for (let at = 0; at < 500; at++) assert.equal(sealer.known(ids[at]!), undefined);
  for (let at = ids.length - 1; at >= ids.length - 9_000; at--)
    assert.equal(sealer.known(ids[at]!)?.storeId, `store-${at}`);
  for (const step of [70, 50]) {
    for (let at = 0; at < ids.length; at += step) assert.equal((await sealer.unseal(ids[at]!))?.storeId, `store-${at}`);
  }
});
