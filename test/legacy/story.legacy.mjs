// The demo's whole story on the old till: connect, tap, send, print.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { root } from '../../.config/install.mjs';
import { openShop } from '../support/shop.mjs';
import { openChromium70, until } from './chromium70.mjs';

const connect = 'rulrr-connect';
const numpad = 'rulrr-ereceipt-numpad';

describe('a till with Chromium 70', () => {
  let shop;
  let till;

  before(async () => {
    shop = await openShop({
      folders: [join(root, 'demo'), join(root, 'dist')],
      // Style sheets can't be adopted there, so a strict policy needs a nonce; Lit takes it from the page.
      page: ({ body }, connectOrigin) => ({
        body: String(body).replace(
          '<head>',
          '<head><script nonce="till">window.litNonce = "till"; window.violations = []; document.addEventListener("securitypolicyviolation", function (event) { window.violations.push(event.violatedDirective); });</script>',
        ),
        headers: {
          'content-security-policy': `default-src 'none'; script-src 'self' 'nonce-till'; style-src 'self' 'nonce-till'; connect-src 'self'; frame-src ${connectOrigin}; img-src data:`,
        },
      }),
    });
    till = await openChromium70();
    await till.goto(`${shop.origin}/legacy.html`);
  });

  after(async () => {
    await till?.close();
    await shop?.close();
  });

  const state = (tag) => till.evaluate((name) => document.querySelector(name).getAttribute('state'), [tag]);
  const lines = (list) =>
    till.evaluate(
      (name) =>
        [].map.call(document.querySelectorAll(`[data-demo="${name}"] li`), (item) => Object.assign({}, item.dataset)),
      [list],
    );
  // What became of an order stays on screen for a moment, in front of the till.
  const rested = () => until('the numpad to make way', async () => (await state(numpad)) === 'idle');
  const key = (name) => till.tap(numpad, `[data-key="${name}"]`);

  it('is what it says', async () => {
    assert.match(await till.version(), /Chrome\/70\./);
  });

  it('has both elements, and what it lacks was not added to the page', async () => {
    await until('both elements', () =>
      till.evaluate(() => Boolean(customElements.get('rulrr-connect') && customElements.get('rulrr-ereceipt-numpad'))),
    );
    const found = await till.evaluate(() => [
      typeof window.globalThis,
      typeof window.queueMicrotask,
      typeof Object.fromEntries,
      'adoptedStyleSheets' in document,
    ]);
    assert.deepEqual(found, ['undefined', 'undefined', 'undefined', false]);
  });

  it('connects a store, by presses inside the frame', async () => {
    await till.tap(connect, '[part~="button"]');
    const finish = '[data-action="finish"]';
    const steps = ['[data-ereceipt="on"]', finish, '[data-action="next"]'];
    for (let pressed = ''; pressed !== finish;) pressed = await till.tapInFrame([connect, 'iframe'], ...steps);
    await until('finished', async () => (await state(connect)) === 'finished');
  });

  it('texts a receipt', async () => {
    await till.tap('[data-demo="pay"]');
    for (const digit of '2015550123') await key(digit);
    await until('the number', () =>
      till.evaluate((tag) => document.querySelector(tag).value === '+12015550123', [numpad]),
    );
    await till.tap(numpad, '[part~="send"]');
    await until('the outcome', async () => (await lines('texted')).length === 1);
    assert.deepEqual(await lines('texted'), [{ orderId: '1001', phoneNumber: '+12015550123' }]);
    assert.deepEqual(await lines('paper'), []);
    assert.equal(shop.sandbox.messages.length, 1);
    await rested();
  });

  it('knows the numbers of the whole world', async () => {
    await till.tap('[data-demo="pay"]');
    await key('plus');
    for (const digit of '819012345678') await key(digit);
    await until('the number', () =>
      till.evaluate((tag) => document.querySelector(tag).value === '+819012345678', [numpad]),
    );
    await till.tap(numpad, '[part~="send"]');
    await until('the outcome', async () => (await lines('texted')).length === 2);
    await rested();
  });

  it('prints where the customer declines', async () => {
    await till.tap('[data-demo="pay"]');
    await key('5');
    await till.tap(numpad, '[part~="print"]');
    await until('the outcome', async () => (await lines('paper')).length === 1);
    assert.deepEqual(await lines('paper'), [{ orderId: '1003', reason: 'declined' }]);
  });

  it('had no error and no violation of the policy on the way', async () => {
    // A sandbox flag that came later is passed over there, as it should be, with a word about it.
    assert.deepEqual(
      till.problems.filter((text) => !text.includes('is an invalid sandbox flag')),
      [],
    );
    assert.deepEqual(await till.evaluate(() => window.violations), []);
  });
});
