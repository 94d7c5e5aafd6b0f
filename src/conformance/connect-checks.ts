import { isLoopback } from '../api/loopback.js';
import { checkConnection, checkReadable } from './gate-checks.js';
import { orderId } from './ereceipt-checks.js';
import {
  demand,
  describe,
  expectRefusal,
  expectStatus,
  field,
  Mismatch,
  Skip,
  type Exchange,
  type Probe,
} from './probe.js';
import { mayAskAgain, type Checks } from './story.js';

/** RFC 3339, as `date-time` of openapi.yaml has it. */
const dateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

function checkTimes(answer: Exchange): void {
  const wait = field(answer.json, 'pollAfterMs');
  demand(
    typeof wait === 'number' && Number.isInteger(wait) && wait >= 100 && wait <= 600_000,
    `"pollAfterMs" is ${JSON.stringify(wait)}, not a whole number of milliseconds from 100 to 600000.`,
  );
  const expiresAt = field(answer.json, 'expiresAt');
  demand(
    typeof expiresAt === 'string' && dateTime.test(expiresAt) && Number.isFinite(Date.parse(expiresAt)),
    '"expiresAt" is not a time in ISO 8601 with its zone, such as 2026-11-24T10:30:00Z.',
  );
}

/** Tills take the connect page for one that may be framed unless it is `false`. */
function checkEmbeddable(answer: Exchange): void {
  const embeddable = field(answer.json, 'embeddable');
  demand(
    embeddable === undefined || typeof embeddable === 'boolean',
    '"embeddable" is neither true nor false (it may be left out).',
  );
}

/** What a till makes of a finished session. */
const cameTo = ({ json }: Exchange) =>
  ['connected', 'ereceipt'].map((name) => field(field(json, 'connection'), name)).join();

/** The spellings in which a token may hide in an id. */
function disguises(token: string): string[] {
  const bytes = new TextEncoder().encode(token);
  const binary = String.fromCharCode(...bytes);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const reversed = [...token].reverse().join('');
  const list = [token, encodeURIComponent(token), hex, reversed];
  // Within a longer text base64 may begin at any of three offsets; the ends depend on the neighbours and are left out.
  for (const before of ['', 'x', 'xx']) list.push(btoa(before + binary).slice(before ? 4 : 0, -4));
  return list
    .filter((text) => text.length >= 6)
    .flatMap((text) => [text, text.replace(/\+/g, '-').replace(/\//g, '_')]);
}

/** Ids that differ from a good one: another character, another length, another spelling of the same bytes. */
export function tampered(id: string): string[] {
  const swap = (at: number) => id.slice(0, at) + (id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1);
  const places = [0, Math.floor(id.length / 3), Math.floor(id.length / 2), id.length - 2].filter((at) => at >= 0);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(id[id.length - 1]!);
  // In base64url the last character may carry bits that mean nothing.
  const neighbours = last < 0 ? [] : [last ^ 1, last ^ 2].map((at) => id.slice(0, -1) + alphabet[at]!);
  const otherCase = id === id.toLowerCase() ? id.toUpperCase() : id.toLowerCase();
  const encoded = `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`;
  return [...places.map(swap), ...neighbours, id.slice(0, -1), `${id}A`, `${id}=`, `${id}.`, otherCase, encoded].filter(
    (other) => other !== id && other.length > 0,
  );
}

/** What the contract has for a Rulrr that does not do its part. */
const tellsOfTrouble = ({ status }: Exchange) => [429, 502, 504].includes(status);

/** The URL holds the integration token, which nobody needs any more. */
function checkOver(answer: Exchange): void {
  demand(field(answer.json, 'connectUrl') === undefined, 'A session that has ended still comes with its "connectUrl".');
}

/** A till that is signed in names another store, as one that wants that one's tokens does. */
async function ofTheSessionAlone(probe: Probe): Promise<void> {
  const named = { storeId: 'check', store_id: 'check', store: 'check' };
  const stands = await probe.call('GET', `/connection?${new URLSearchParams(named)}`);
  // The contract knows no queries, so the path may be unknown with one.
  const itsOwn = stands.status === 404 || field(stands.json, 'connected') === true;
  demand(itsOwn, 'GET /connection tells of the store that the query names.');
  const headers = { 'Content-Type': 'application/json' };
  const start = await probe.call('POST', '/integrations', { body: JSON.stringify(named), headers });
  const started = field(start.json, 'id');
  if (start.status === 201 && typeof started === 'string') {
    const session = await probe.call('GET', `/integrations/${started}`);
    demand(session.status !== 403, 'POST /integrations begins a session of the store that the body names.');
  }
  const send = await probe.ereceipt({ order: { orderId: orderId(), phoneNumber: probe.phoneNumber, ...named } });
  demand(send.status !== 403, 'POST /ereceipts sends for the store that the body names.');
}

/** Linking a store, from the start to the tokens. */
export const connectChecks = {
  async 'unknown-integration'(probe) {
    for (const id of ['made-up', 'eyJhbGciOiJub25lIn0..', 'x'.repeat(400)]) {
      expectRefusal(await probe.call('GET', `/integrations/${id}`), 404, 'unknown_integration');
    }
  },
  async start(probe, story) {
    const session = await story.start();
    const { answer, connectUrl } = session;
    demand(field(answer.json, 'status') === 'pending', '"status" is not "pending".');
    checkTimes(answer);
    checkEmbeddable(answer);
    demand(
      Date.parse(String(field(answer.json, 'expiresAt'))) > Date.now(),
      '"expiresAt" has passed already (or the clocks differ).',
    );
    const url = new URL(connectUrl);
    for (const name of ['integration_token', 'client_id']) {
      demand(Boolean(url.searchParams.get(name)), `"connectUrl" has no "${name}".`);
    }
    demand(!url.searchParams.has('client_secret'), '"connectUrl" holds the client secret.');
    demand(url.origin !== probe.origin, '"connectUrl" is of the same origin as the till, which a frame must not be.');
    demand(url.protocol === 'https:' || isLoopback(url), '"connectUrl" is not https.');
    const another = await story.start();
    demand(another.id !== session.id, 'Two starts gave the same "id".');
    const first = await probe.call('GET', `/integrations/${session.id}`);
    demand(mayAskAgain(first) || first.status === 200, `${describe(first)} for a session after another was started.`);
  },
  async 'id-opaque'(_probe, story) {
    const { id, connectUrl } = await story.session();
    demand(/^[A-Za-z0-9._~-]+$/.test(id), '"id" has characters that a path does not carry as they are.');
    const token = new URL(connectUrl).searchParams.get('integration_token') ?? '';
    demand(!disguises(token).some((text) => id.includes(text)), '"id" shows the integration token, plain or encoded.');
  },
  async pending(probe, story) {
    const { id, connectUrl } = await story.session();
    for (let time = 0; time < 3; time += 1) {
      const answer = await probe.call('GET', `/integrations/${id}`);
      if (probe.isElsewhere) checkReadable(probe, answer);
      // Who asks again at once may be asked to wait.
      if (time && mayAskAgain(answer)) break;
      expectStatus(answer, 200);
      demand(field(answer.json, 'status') === 'pending', `"status" is not "pending": nobody has done anything yet.`);
      demand(
        field(answer.json, 'connectUrl') === connectUrl,
        `"connectUrl" is missing or differs from that of the start${time ? ', when asked again' : ''}.`,
      );
      checkTimes(answer);
      checkEmbeddable(answer);
    }
  },
  async 'id-tampered'(probe, story) {
    const { id } = await story.session();
    for (const other of tampered(id)) {
      expectRefusal(await probe.call('GET', `/integrations/${other}`), 404, 'unknown_integration', 'a changed id');
    }
  },
  async 'not-yours'(probe, story) {
    if (!probe.options.otherHeaders) throw new Skip('No headers of a till of another store were given.');
    const { id } = await story.session();
    expectRefusal(await probe.call('GET', `/integrations/${id}`, { as: 'other' }), 403, 'not_yours');
  },
  async cancelled(probe, story) {
    const session = await story.start();
    await story.sandbox().end(session.connectUrl, 'cancel');
    const answer = await story.outcome(session.id);
    demand(field(answer.json, 'status') === 'cancelled', `${describe(answer)} with another "status" than "cancelled".`);
    demand(field(answer.json, 'connection') === undefined, 'A cancelled session came with a "connection".');
    checkTimes(answer);
    checkOver(answer);
    for (let time = 0; time < 2; time += 1) {
      const again = await probe.call('GET', `/integrations/${session.id}`);
      const other = again.status === 200 && field(again.json, 'status') !== 'cancelled';
      demand(!other, `"status" went from "cancelled" to ${JSON.stringify(field(again.json, 'status'))?.slice(0, 40)}.`);
    }
  },
  async 'upstream-trouble'(probe, story) {
    const sandbox = story.sandbox();
    const session = await story.start();
    // Many a client quotes the URL, with the client secret in it, only where a connection breaks.
    const broken = { kind: 'reset', how: 'broke off' };
    const failed = (status: number) => ({ kind: 'status', status, how: `answered ${status}` });
    for (const { how, ...fault } of [failed(500), failed(429), broken]) {
      await sandbox.during({ route: 'integration-status', ...fault, times: 1 }, async (struck) => {
        const met = await story.meeting(session.id, struck);
        const helped = tellsOfTrouble(met);
        demand(
          helped || (met.status === 200 && field(met.json, 'status') === 'pending'),
          `${describe(met)} while Rulrr's status call ${how}.`,
        );
        if (helped) demand(met.headers.has('Retry-After'), `${describe(met)} without Retry-After.`);
      });
    }
    for (const { how, ...fault } of [failed(500), broken]) {
      await sandbox.during({ route: 'create-integration', ...fault, times: 1000 }, async () => {
        const start = await probe.call('POST', '/integrations');
        demand(tellsOfTrouble(start), `${describe(start)} while Rulrr's call to start a session ${how}.`);
      });
    }
    await sandbox.end(session.connectUrl, 'finish', 'off');
    const answer = await story.outcome(session.id);
    demand(field(answer.json, 'status') === 'finished', `${describe(answer)}: the session did not recover.`);
  },
  async finished(_probe, story) {
    const { answer } = await story.connect();
    checkTimes(answer);
    checkOver(answer);
    const connection = field(answer.json, 'connection');
    checkConnection(connection);
    demand(field(connection, 'connected') === true, '"connection.connected" is not true.');
    demand(field(connection, 'ereceipt') === true, '"connection.ereceipt" is not what the merchant chose (on).');
    demand(
      Number.isFinite(Date.parse(String(field(connection, 'expiration')))),
      '"connection.expiration" is no time in ISO 8601.',
    );
  },
  async 'finished-stays'(_probe, story) {
    const { id, answer: first } = await story.connect();
    const stays = async (when: string) => {
      const answer = await story.ask(id);
      expectStatus(answer, 200, when);
      demand(field(answer.json, 'status') === 'finished', `"status" went back from "finished" (${when}).`);
      demand(cameTo(answer) === cameTo(first), `${describe(answer)} with another "connection" than at first.`);
    };
    for (let time = 0; time < 3; time += 1) await stays('asked again after finished');
    // Two tills of one store may link at the same time.
    const another = await story.start();
    await story.sandbox().end(another.connectUrl, 'finish', 'on');
    await story.outcome(another.id);
    await stays('after another session of the store was finished');
  },
  async 'connection-after'(probe, story) {
    await story.connect();
    const answer = await probe.call('GET', '/connection');
    expectStatus(answer, 200);
    checkConnection(answer.json);
    demand(field(answer.json, 'connected') === true, '"connected" is false right after "finished".');
    demand(field(answer.json, 'ereceipt') === true, '"ereceipt" is false though the merchant chose it.');
  },
  async 'stores-apart'(probe, story) {
    const { id } = await story.connect();
    await ofTheSessionAlone(probe);
    if (!probe.options.otherHeaders) throw new Skip('No headers of a till of another store were given.');
    const forgotten = await probe.call('DELETE', '/connection', { as: 'other' });
    expectStatus(forgotten, 204, 'the other store');
    const others = await probe.call('GET', '/connection', { as: 'other' });
    demand(field(others.json, 'connected') === false, 'A store that never connected is told that it is connected.');
    const own = await probe.call('GET', '/connection');
    demand(field(own.json, 'connected') === true, "Another store's DELETE /connection forgot this store's tokens.");
    expectRefusal(await probe.call('GET', `/integrations/${id}`, { as: 'other' }), 403, 'not_yours', 'after finished');
  },
  async forgotten(probe, story) {
    const { id } = await story.connect();
    const answer = await probe.call('DELETE', '/connection');
    expectStatus(answer, 204);
    demand(answer.text === '', 'The answer 204 has a body.');
    const after = await probe.call('GET', '/connection');
    if (field(after.json, 'connected') !== false)
      throw new Mismatch('"connected" is still true after DELETE /connection.');
    demand(field(after.json, 'expiration') === null, '"expiration" is not null after DELETE /connection.');
    expectRefusal(await probe.ereceipt(), 403, 'ereceipt_disabled', 'after DELETE /connection');
    const over = await story.ask(id);
    expectRefusal(over, 410, 'expired', 'a session whose tokens were forgotten');
    expectStatus(await probe.call('DELETE', '/connection'), 204, 'nothing left to forget');
    const before = await story.session();
    await story.sandbox().end(before.connectUrl, 'finish', 'on');
    const late = await story.ended(before.id);
    expectRefusal(late, 410, 'expired', 'a session from before, which the merchant has ended since');
    const { json } = await probe.call('GET', '/connection');
    demand(
      field(json, 'connected') === false,
      'A session from before DELETE /connection has connected the store again.',
    );
  },
} satisfies Checks;
