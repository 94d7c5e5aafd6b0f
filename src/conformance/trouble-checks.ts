import { meets, orderId } from './ereceipt-checks.js';
import {
  demand,
  describe,
  expectRefusal,
  expectStatus,
  field,
  newKey,
  pause,
  Skip,
  type Call,
  type Exchange,
} from './probe.js';
import { mayAskAgain, waitAfter, type Checks } from './story.js';

/** Longer than any check takes: a fault that stands while the check does. */
const standing = 1000;

/** @throws Skip unless the send met the fault; a proxy that answered before it sent gets a moment for it */
async function mustMeet(struck: () => Promise<boolean>): Promise<void> {
  if (!(await meets(struck)))
    throw new Skip('The proxy sends by another way than the orders of the sandbox, which cannot fail here.');
}

/** A poll that is not answered yet. @throws what else went wrong */
function orStillWaits(error: unknown): null {
  if ((error as Error).name === 'TimeoutError') return null;
  throw error;
}

/** Whether an answer claims a send; any other than a refusal of this code is a defect. */
function claims(answer: Exchange, status: number, code: string, when: string): boolean {
  if (answer.status !== 200) expectRefusal(answer, status, code, when);
  return answer.status === 200;
}

/** What a proxy makes of a Rulrr that fails: promises break here, not on good days. */
export const troubleChecks = {
  async 'ereceipt-refused'(probe, story) {
    await story.connect();
    const sandbox = story.sandbox();
    const refusals = [
      [400, 'refused the order with 400'],
      [200, 'refused the order by {"success": false}'],
      [500, 'failed with 500'],
      // To a page for signing in, or for repairs.
      [302, 'answered the order with a redirect'],
    ] as const;
    for (const [status, how] of refusals) {
      const order = { orderId: orderId(), phoneNumber: probe.phoneNumber };
      const key = newKey();
      const refused = { route: 'post-order', kind: 'status', status, times: standing };
      const first = await sandbox.during(refused, async (struck) => {
        const answer = await probe.ereceipt({ order, key });
        await mustMeet(struck);
        return answer;
      });
      // Whoever takes it for a doubt prints, too; 400 leaves none.
      const doubt = status !== 400 && field(first.json, 'code') === 'send_unconfirmed';
      if (doubt) expectRefusal(first, 504, 'send_unconfirmed', `Rulrr ${how}`);
      else expectRefusal(first, 502, 'send_failed', `Rulrr ${how}`);
      const messages = await sandbox.messagesFor(order.orderId);
      demand(messages === 0, `${describe(first)} (Rulrr ${how}), and made ${messages} text messages.`);
      const again = await probe.ereceipt({ order, key });
      const sent = again.status === 200;
      const texted = await sandbox.messagesFor(order.orderId);
      const made = `made ${texted} text messages`;
      demand(texted === (sent ? 1 : 0), `${describe(again)} (the same key after a failed send), and ${made}.`);
      // The till has printed.
      demand(!doubt || !texted, `${describe(again)} (the same key after 504 send_unconfirmed), and ${made}.`);
      story.unsent.push({ ...order, messages: texted, when: `Rulrr ${how}` });
    }
  },
  async 'ereceipt-unconfirmed'(probe, story) {
    await story.connect();
    const sandbox = story.sandbox();
    // Rulrr did its part and its answer was lost; the connection broke before it did: a proxy cannot tell the two apart.
    for (const [kind, arrived] of [
      ['lose-answer', 1],
      ['reset', 0],
    ] as const) {
      const order = { orderId: orderId(), phoneNumber: probe.phoneNumber };
      const key = newKey();
      const first = await sandbox.during({ route: 'post-order', kind, times: 1 }, async (struck) => {
        const answer = await probe.ereceipt({ order, key });
        await mustMeet(struck);
        return answer;
      });
      const again = await probe.ereceipt({ order, key });
      const messages = await sandbox.messagesFor(order.orderId);
      const when = arrived ? "Rulrr's answer was lost" : 'the connection to Rulrr broke';
      demand(
        messages <= arrived,
        `${describe(first)} and ${again.status} (${when}), and made ${messages} text messages.`,
      );
      for (const [answer, time] of [
        [first, when],
        [again, `the same key after ${when}`],
      ] as const) {
        // A proxy may have made sure by asking for the order.
        const sent = claims(answer, 504, 'send_unconfirmed', time);
        demand(!sent || messages === 1, `${describe(answer)} (${time}), and nothing was sent.`);
      }
      story.unsent.push({ ...order, messages, when });
    }
  },
  async 'tokens-retried'(_probe, story) {
    const sandbox = story.sandbox();
    const session = await story.start();
    await sandbox.end(session.connectUrl, 'finish', 'on');
    // Twice, so that it can be told whether the tokens came before "finished" did, whoever tries again.
    await sandbox.during({ route: 'token', kind: 'status', status: 500, times: 2 }, async (struck, spent) => {
      const met = await story.meeting(session.id, struck);
      if (mayAskAgain(met)) return;
      expectStatus(met, 200, 'the token call failed with 500');
      const early = field(met.json, 'status') === 'finished' && !(await spent());
      demand(!early, `${describe(met)} with "finished" though the token call had brought no tokens yet.`);
    });
    const answer = await story.outcome(session.id);
    demand(field(answer.json, 'status') === 'finished', `${describe(answer)}: the session did not recover.`);
    const without = await story.start();
    await sandbox.end(without.connectUrl, 'finish', 'on');
    await sandbox.during({ route: 'token', kind: 'missing-fields', times: 1 }, async (struck) => {
      const met = await story.meeting(without.id, struck);
      const claimed = field(met.json, 'status') === 'finished';
      demand(!claimed, `${describe(met)} with "finished" though the token call had answered without an "accessToken".`);
    });
  },
  async 'tokens-at-once'(probe, story) {
    const sandbox = story.sandbox();
    const session = await story.start();
    await sandbox.end(session.connectUrl, 'finish', 'on');
    // Slow, so that calls meet that would only sometimes do so.
    await sandbox.during({ route: 'token', kind: 'slow', ms: 200, times: standing }, async () => {
      const polls = [1, 2, 3, 4, 5, 6].map(() => probe.call('GET', `/integrations/${session.id}`));
      for (const answer of await Promise.all(polls)) {
        if (!mayAskAgain(answer)) expectStatus(answer, 200, 'six polls at once at the end');
      }
    });
    const answer = await story.outcome(session.id);
    demand(field(answer.json, 'status') === 'finished', `${describe(answer)}: the session did not finish.`);
  },
  async 'tokens-gone'(probe, story) {
    const sandbox = story.sandbox();
    const session = await story.start();
    await sandbox.end(session.connectUrl, 'finish', 'on');
    await sandbox.during({ route: 'token', kind: 'status', status: 410, times: standing }, async (struck) => {
      let until = Date.now() + probe.timeoutMs;
      let met = false;
      // How long a proxy looks for another process that may have them is its own affair: a moment shows where it leads.
      do {
        const answer = await probe.call('GET', `/integrations/${session.id}`, { withinMs: 1500 }).catch(orStillWaits);
        if (answer?.status === 409) return expectRefusal(answer, 409, 'tokens_lost', 'the token call answered 410');
        if (answer && !mayAskAgain(answer)) {
          const pending = answer.status === 200 && field(answer.json, 'status') === 'pending';
          demand(pending, `${describe(answer)} though Rulrr answered 410 and nobody has the tokens.`);
        }
        if (!met && (await struck())) [met, until] = [true, Date.now() + 1500];
        await pause(answer ? waitAfter(answer) : 0);
      } while (Date.now() < until);
      demand(met, 'Rulrr says finished, and was never asked for the tokens.');
    });
  },
  async 'refused-not-done'(probe, story) {
    await story.connect();
    // A queue tries again by itself, which takes it a moment: the checks in between have given it some.
    for (const { orderId, messages, when } of story.unsent) {
      const now = await story.sandbox().messagesFor(orderId);
      demand(now === messages, `A send was told as failed or in doubt (${when}), and the receipt was sent afterwards.`);
    }
    const isConnected = async () => field((await probe.call('GET', '/connection')).json, 'connected') === true;
    if (!(await isConnected())) throw new Skip('The store is connected no more, so there is nothing to lose.');
    const ways: [Call, string][] = [[{ headers: { Origin: 'https://stranger.example' } }, 'a foreign Origin']];
    if (probe.options.headers) ways.push([{ as: 'nobody' }, 'nobody signed in']);
    for (const [way, when] of ways) {
      const order = { orderId: orderId(), phoneNumber: probe.phoneNumber };
      const send = await probe.ereceipt({ order, ...way });
      const messages = await story.sandbox().messagesFor(order.orderId);
      demand(send.status < 400 || !messages, `${describe(send)} (${when}), and the receipt was sent.`);
      const forget = await probe.call('DELETE', '/connection', way);
      // Whoever lets it in has failed the checks of the gate.
      if (forget.status < 400) return;
      demand(await isConnected(), `${describe(forget)} (${when}), and the tokens were forgotten.`);
    }
  },
} satisfies Checks;
