import { demand, describe, expectRefusal, expectStatus, field, newKey, pause, Skip, type Probe } from './probe.js';
import type { Checks, Story } from './story.js';

export const orderId = () => `check-${newKey().slice(0, 8)}`;

/** A receipt that the proxy says is sent, and the key that it was sent with. */
async function sentOnce(
  probe: Probe,
  story: Story,
): Promise<{ order: { orderId: string; phoneNumber: string }; key: string }> {
  await story.connect();
  const order = { orderId: orderId(), phoneNumber: probe.phoneNumber };
  const key = newKey();
  const answer = await probe.ereceipt({ order, key });
  expectStatus(answer, 200);
  demand(field(answer.json, 'sent') === true, 'The answer is not {"sent": true}.');
  return { order, key };
}

/** How many text messages came of an order that was sent. @throws Skip where the proxy sends by another way than the sandbox's orders */
async function count(story: Story, id: string): Promise<number> {
  const messages = await story.sandbox().messagesFor(id);
  if (!messages)
    throw new Skip('The proxy sends, but not through the orders of the sandbox, so nothing can be counted.');
  return messages;
}

/** Whether a send has met the fault; one that is still on its way gets a moment for it. */
export async function meets(struck: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 5; tries += 1) {
    if (await struck()) return true;
    await pause(100);
  }
  return struck();
}

/** Texting a receipt: what is refused, and that a key sends once. */
export const ereceiptChecks = {
  async 'ereceipt-bad-request'(probe) {
    const { phoneNumber } = probe;
    const bodies = ['', '{', '[]', 'null', '"text"', '{}', JSON.stringify({ phoneNumber }), '{"orderId":"check-1"}'];
    bodies.push(JSON.stringify({ orderId: '', phoneNumber }), JSON.stringify({ orderId: 7, phoneNumber }));
    bodies.push(
      JSON.stringify({ orderId: 'x'.repeat(201), phoneNumber }),
      JSON.stringify({ orderId: '  ', phoneNumber }),
    );
    for (const body of bodies) {
      expectRefusal(await probe.ereceipt({ body }), 400, 'bad_request', `body ${body.slice(0, 40) || 'empty'}`);
    }
    const keys = [
      [null, 'no Idempotency-Key'],
      ['', 'an empty Idempotency-Key'],
      ['k'.repeat(201), 'an Idempotency-Key of 201 characters'],
      ['check 1', 'an Idempotency-Key with a space'],
      ['check-\u00e9', 'an Idempotency-Key with a character beyond ASCII'],
    ] as const;
    for (const [key, when] of keys) {
      const answer = await probe.ereceipt({ key, order: { orderId: 'check-1', phoneNumber: '+1' } });
      expectRefusal(answer, 400, 'bad_request', when);
    }
    const longest = { order: { orderId: 'o'.repeat(200), phoneNumber: '+1' }, key: '~'.repeat(200) };
    const answer = await probe.ereceipt(longest);
    expectRefusal(answer, 422, 'invalid_phone_number', 'an orderId and an Idempotency-Key of 200 characters');
  },
  async 'ereceipt-too-large'(probe) {
    const most = JSON.stringify({ orderId: 'check-1', phoneNumber: '+1' }).padEnd(8192);
    expectRefusal(await probe.ereceipt({ body: most }), 422, 'invalid_phone_number', 'a body of 8192 bytes');
    // The limit itself, and the limits that servers have of their own.
    for (const bytes of [8193, 32 * 1024, 64 * 1024]) {
      const body = JSON.stringify({ orderId: 'check-1', phoneNumber: '+1' }).padEnd(bytes);
      expectRefusal(await probe.ereceipt({ body }), 413, 'body_too_large', `a body of ${bytes} bytes`);
    }
    const wide = JSON.stringify({ orderId: 'check-1', phoneNumber: '+1', note: '\u00e9'.repeat(5000) });
    expectRefusal(
      await probe.ereceipt({ body: wide }),
      413,
      'body_too_large',
      'a body of 5000 characters of two bytes',
    );
  },
  async 'ereceipt-content-type'(probe) {
    const order = { orderId: 'check-1', phoneNumber: '+1' };
    const others = ['text/plain', 'application/x-www-form-urlencoded', 'text/plain; x=application/json'];
    for (const type of [...others, 'application/json-seq']) {
      const answer = await probe.ereceipt({ order, headers: { 'Content-Type': type } });
      expectRefusal(answer, 415, 'unsupported_media_type', type);
    }
    for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
      const answer = await probe.ereceipt({ order, headers: { 'Content-Type': type } });
      expectRefusal(answer, 422, 'invalid_phone_number', type);
    }
  },
  async 'ereceipt-phone-number'(probe) {
    for (const phoneNumber of [
      '',
      '2135550176',
      '+1',
      '+0135550176',
      '+12345',
      '+1213555017x',
      '+12135550176 ',
      '+12135550176\n',
      // A digit to Unicode, which some languages' \d takes.
      '+1213555017\u0666',
      '+1213555017645678',
    ]) {
      const order = { orderId: 'check-1', phoneNumber };
      expectRefusal(await probe.ereceipt({ order }), 422, 'invalid_phone_number', JSON.stringify(phoneNumber));
    }
  },
  async 'ereceipt-disabled'(probe, story) {
    const sandbox = story.sandbox();
    expectStatus(await probe.call('DELETE', '/connection'), 204);
    const order = { orderId: orderId(), phoneNumber: probe.phoneNumber };
    expectRefusal(await probe.ereceipt({ order }), 403, 'ereceipt_disabled', 'a store that is not connected');
    // So that a proxy that keeps its answer for a while tells the old one afterwards.
    await probe.call('GET', '/connection');
    const session = await story.start();
    await sandbox.end(session.connectUrl, 'finish', 'off');
    const answer = await story.outcome(session.id);
    demand(field(answer.json, 'status') === 'finished', `${describe(answer)}: the session did not finish.`);
    demand(
      field(field(answer.json, 'connection'), 'ereceipt') === false,
      '"ereceipt" is not what the merchant chose (off).',
    );
    const stands = await probe.call('GET', '/connection');
    demand(field(stands.json, 'connected') === true, `${describe(stands)} with "connected": false after "finished".`);
    demand(
      field(stands.json, 'ereceipt') === false,
      `${describe(stands)} with an "ereceipt" that the merchant did not choose (off).`,
    );
    expectRefusal(await probe.ereceipt({ order }), 403, 'ereceipt_disabled', 'a store with e-receipts off');
  },
  async 'ereceipt-sent'(probe, story) {
    const { order } = await sentOnce(probe, story);
    const messages = await count(story, order.orderId);
    demand(messages === 1, `One send made ${messages} text messages.`);
  },
  async 'ereceipt-once'(probe, story) {
    const { order, key } = await sentOnce(probe, story);
    const again = await probe.ereceipt({ order, key });
    expectStatus(again, 200, 'the same key again');
    demand(field(again.json, 'sent') === true, 'The second answer is not {"sent": true}.');
    const messages = await count(story, order.orderId);
    demand(messages === 1, `The same Idempotency-Key twice made ${messages} text messages.`);
    if (!probe.options.otherHeaders) return;
    // What one store sent says nothing of another one's receipt.
    const others = await probe.ereceipt({ order, key, as: 'other' });
    expectRefusal(others, 403, 'ereceipt_disabled', 'the same key at a store that is not connected');
  },
  async 'ereceipt-at-once'(probe, story) {
    await story.connect();
    const order = { orderId: orderId(), phoneNumber: probe.phoneNumber };
    const key = newKey();
    const answers = await Promise.all([1, 2, 3, 4].map(() => probe.ereceipt({ order, key })));
    for (const answer of answers) {
      if (answer.status !== 200) expectRefusal(answer, 409, 'in_progress', 'four sends at once with one key');
    }
    demand(
      answers.some(({ status }) => status === 200),
      'Of four sends at once with one key none came through.',
    );
    const messages = await count(story, order.orderId);
    demand(messages === 1, `Four sends at once with one Idempotency-Key made ${messages} text messages.`);
    // Held back, so that the second call surely comes while nothing has been sent, and it may yet fail.
    const held = { order: { orderId: orderId(), phoneNumber: probe.phoneNumber }, key: newKey() };
    await story.sandbox().during({ route: 'post-order', kind: 'slow', ms: 1000, times: 2 }, async (struck) => {
      const first = probe.ereceipt(held);
      // Heard at the end, whatever comes before.
      first.catch(() => undefined);
      await meets(struck);
      const second = await probe.ereceipt(held);
      const early = second.status === 200 && !(await story.sandbox().messagesFor(held.order.orderId));
      await first;
      demand(!early, `${describe(second)} to a second call, while the first was under way and nothing had been sent.`);
      if (second.status !== 200)
        expectRefusal(second, 409, 'in_progress', 'a second call while the first is under way');
    });
  },
  async 'ereceipt-key-reuse'(probe, story) {
    const { order, key } = await sentOnce(probe, story);
    const other = { ...order, orderId: orderId() };
    expectRefusal(await probe.ereceipt({ order: other, key }), 400, 'bad_request', 'a used key with another order');
    const swapped = probe.phoneNumber.endsWith('1') ? '2' : '1';
    const elsewhere = { ...order, phoneNumber: probe.phoneNumber.slice(0, -1) + swapped };
    expectRefusal(
      await probe.ereceipt({ order: elsewhere, key }),
      400,
      'bad_request',
      'a used key with another number',
    );
  },
} satisfies Checks;
