// The script tag in pages that are not empty: a strict policy, a second copy, another Lit, properties that were set too early.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { integrityOf } from '../../.config/integrity.mjs';
import { launchChromium } from '../support/chromium.mjs';
import { read, root, serve, watchedPage } from './support.js';

const script = read('dist/rulrr-embed.iife.js');
const json = 'application/json';
type Numpad = HTMLElementTagNameMap['rulrr-ereceipt-numpad'];
type Connect = HTMLElementTagNameMap['rulrr-connect'];

/** A vendor's server: pages under a policy, the proxy's answers, and on an origin of its own the connect page. */
async function till() {
  const violations: string[] = [];
  let status = 'pending';
  const connect = await serve(root, (url) =>
    url.pathname === '/connect/' ? { body: '<!doctype html><title>connect</title><p>Sign in</p>' } : null,
  );
  const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src ${connect.origin}; require-trusted-types-for 'script'`;
  const answer = (body: object, code = 200) => ({
    body: JSON.stringify(body),
    type: json,
    status: code,
    headers: { 'cache-control': 'no-store' },
  });
  const pages: Record<string, string> = {};
  const headersOf = (path: string): Record<string, string> =>
    path.startsWith('/lax') ? {} : { 'content-security-policy': policy };
  const expiresAt = new Date(Date.now() + 1_800_000).toISOString();
  const server = await serve(root, (url) => {
    const page = pages[url.pathname];
    if (page !== undefined) return { body: page, headers: headersOf(url.pathname) };
    if (url.pathname === '/rulrr/connection')
      return answer(status === 'finished' ? connected : { connected: false, ereceipt: false, expiration: null });
    if (url.pathname === '/rulrr/integrations') {
      return answer(
        {
          id: 'abc',
          connectUrl: `${connect.origin}/connect/?integration_token=t&client_id=c`,
          status,
          expiresAt,
          pollAfterMs: 100,
        },
        201,
      );
    }
    if (url.pathname.startsWith('/rulrr/integrations/')) {
      return answer({
        status,
        pollAfterMs: 100,
        expiresAt,
        ...(status === 'finished'
          ? { connection: connected }
          : { connectUrl: `${connect.origin}/connect/?integration_token=t&client_id=c` }),
      });
    }
    if (url.pathname === '/rulrr/ereceipts') return answer({ sent: true });
    if (url.pathname === '/page.js') return { body: pageScript, type: 'text/javascript' };
    if (url.pathname === '/favicon.ico') return { body: '', status: 204 };
    return null;
  });
  return {
    ...server,
    pages,
    violations,
    finish: () => (status = 'finished'),
    reset: () => (status = 'pending'),
    async stop() {
      await server.close();
      await connect.close();
    },
  };
}

const connected = { connected: true, ereceipt: true, expiration: '2099-01-01T00:00:00Z' };

/** The page's own script: keeps what the policy reports and what the elements say. */
const pageScript = `
  window.violations = []; window.events = [];
  document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
  for (const name of ['connect-started', 'connect-finished', 'connect-failed', 'connect-warning', 'connect-cancelled', 'ereceipt-sent', 'print-receipt'])
    document.addEventListener(name, (event) => window.events.push(name));
`;

const both =
  '<rulrr-connect proxy-url="/rulrr"></rulrr-connect><rulrr-ereceipt-numpad proxy-url="/rulrr"></rulrr-ereceipt-numpad>';
const tag = '<script src="/dist/rulrr-embed.iife.js"></script>';
const html = (head: string, body = both) =>
  `<!doctype html><meta charset="utf-8"><title>till</title><script src="/page.js"></script>${head}<body>${body}`;

const events = (page: Page) => page.evaluate(() => (window as unknown as { events: string[] }).events);
const violations = (page: Page) => page.evaluate(() => (window as unknown as { violations: string[] }).violations);

/** Types a number and sends it, as a customer would; the prompt's outcome. */
async function textReceipt(page: Page, orderId: string): Promise<unknown> {
  const pad = page.locator('rulrr-ereceipt-numpad');
  const outcome = pad.evaluate((element, id) => (element as Numpad).prompt(id), orderId);
  for (const digit of '2015550123') await pad.locator(`[data-key="${digit}"]`).click();
  await pad.locator('[part~="send"]').click();
  return outcome;
}

describe('the script tag in a page', () => {
  let browser: Browser;
  let shop: Awaited<ReturnType<typeof till>>;

  before(async () => {
    browser = await launchChromium();
    shop = await till();
  });
  after(async () => {
    await browser?.close();
    await shop?.stop();
  });

  it('works under a strict policy, from connecting to a text sent, with no violation', async () => {
    shop.reset();
    shop.pages['/strict'] = html(tag);
    const { page, problems } = await watchedPage(browser);
    await page.goto(`${shop.origin}/strict`);
    await page.locator('rulrr-connect [part~="button"]').first().click();
    await page.waitForFunction(() => (window as unknown as { events: string[] }).events.includes('connect-started'));
    await page.frameLocator('rulrr-connect iframe').getByText('Sign in').waitFor();
    shop.finish();
    await page.waitForFunction(() => (window as unknown as { events: string[] }).events.includes('connect-finished'));
    await textReceipt(page, 'order-1');
    await page.waitForFunction(() => (window as unknown as { events: string[] }).events.includes('ereceipt-sent'));
    assert.deepEqual(await events(page), ['connect-started', 'connect-finished', 'ereceipt-sent']);
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(problems, []);
    const background = await page
      .locator('rulrr-ereceipt-numpad')
      .evaluate((element) => element.shadowRoot!.adoptedStyleSheets.length);
    assert.ok(background > 0, 'styles are adopted, so that no policy is in their way');
    await page.close();
  });

  it('notices a violation when there is one', async () => {
    shop.pages['/inline'] = html(`${tag}<style>p{color:red}</style>`);
    const { page } = await watchedPage(browser);
    await page.goto(`${shop.origin}/inline`);
    await page.waitForFunction(() => (window as unknown as { violations: string[] }).violations.length > 0);
    await page.close();
  });

  it('loads twice without an error, and the elements of the first go on', async () => {
    shop.finish();
    shop.pages['/twice'] = html(tag + tag.replace('.js"', '.js?again"'));
    const { page, problems } = await watchedPage(browser);
    await page.goto(`${shop.origin}/twice`);
    await textReceipt(page, 'order-2');
    await page.waitForFunction(() => (window as unknown as { events: string[] }).events.includes('ereceipt-sent'));
    assert.deepEqual(problems, []);
    await page.close();
  });

  it('works beside another version of Lit, before and after it', async () => {
    shop.finish();
    const { build } = await import('esbuild');
    const other = await build({
      stdin: {
        contents: `import { LitElement, html, css } from 'lit2';
          customElements.define('other-lit', class extends LitElement {
            static get styles() { return css\`p { color: rgb(1, 2, 3) }\`; }
            render() { return html\`<p>other</p>\`; }
          });`,
        resolveDir: root,
      },
      bundle: true,
      write: false,
      format: 'iife',
      conditions: ['production'],
      minify: true,
    });
    const lit2 = '<script src="/lit2.js"></script>';
    const server = await serve(root, (url) =>
      url.pathname === '/lit2.js'
        ? { body: other.outputFiles[0]!.text, type: 'text/javascript' }
        : url.pathname === '/page.js'
          ? { body: pageScript, type: 'text/javascript' }
          : url.pathname === '/before'
            ? { body: html(lit2 + tag, `${both}<other-lit></other-lit>`) }
            : url.pathname === '/after'
              ? { body: html(tag + lit2, `${both}<other-lit></other-lit>`) }
              : url.pathname === '/rulrr/connection'
                ? { body: JSON.stringify(connected), type: json }
                : url.pathname === '/rulrr/ereceipts'
                  ? { body: '{"sent":true}', type: json }
                  : url.pathname === '/favicon.ico'
                    ? { body: '', status: 204 }
                    : null,
    );
    try {
      for (const path of ['/before', '/after']) {
        const { page, problems } = await watchedPage(browser);
        await page.goto(server.origin + path);
        await textReceipt(page, 'order-3');
        await page.waitForFunction(() => (window as unknown as { events: string[] }).events.includes('ereceipt-sent'));
        assert.equal(await page.locator('other-lit p').textContent(), 'other');
        assert.deepEqual(problems, []);
        await page.close();
      }
    } finally {
      await server.close();
    }
  });

  /** Old libraries, loaded before the script tag, as a till may still have them. */
  const libraries = {
    // Prototype.js and MooTools have their own of this name, which knows no second argument.
    'an Array.from of its own': 'Array.from = function (list) { return [].slice.call(list); };',
    // Prototype.js up to 1.6, which takes no function.
    'an Array#reduce of its own': 'Array.prototype.reduce = function () { return this.length > 1 ? this : this[0]; };',
    // Sugar.js up to 1.x: what is given a function for its options must not take this for one.
    'a method once on every function': 'Function.prototype.once = function () {};',
    // Tills that take the server's time have one without `now`, or whose `now` is no number.
    'a Date of its own, without now':
      '(function (Own) { Date = function () { return new Own(+new Own() + 60000); }; Date.prototype = Own.prototype; })(Date);',
    'a Date.now that is a date': 'Date.now = function () { return new Date(); };',
    'an Event of its own': 'window.Event = function (event) { this.type = event.type; };',
    'methods on every object':
      "Object.prototype.toJSONString = function () { return JSON.stringify(this); }; Object.prototype.nothing = '';",
  };
  for (const [what, code] of Object.entries(libraries)) {
    it(`works beside a library that has ${what}`, async () => {
      shop.finish();
      shop.pages['/lax-library'] = html(`<script>${code}</script>${tag}`, both).replace(
        '<!doctype html>',
        '<!doctype html><html lang="fr">',
      );
      const { page, problems } = await watchedPage(browser);
      await page.goto(`${shop.origin}/lax-library`);
      const pad = page.locator('rulrr-ereceipt-numpad');
      const outcome = pad.evaluate((element) => {
        Object.assign(window, { heard: 0 });
        element.addEventListener('input', () => ((window as unknown as { heard: number }).heard += 1));
        return (element as Numpad).prompt('order-5');
      });
      const shows = (number: string) =>
        page.waitForFunction(
          (text) =>
            document.querySelector('rulrr-ereceipt-numpad')!.shadowRoot!.getElementById('number')!.textContent === text,
          number,
        );
      for (const digit of '20155501') await pad.locator(`[data-key="${digit}"]`).click();
      await shows('(201) 555-01');
      await pad.locator('[data-key="clear"]').click();
      for (const digit of ['plus', ...'819012345678']) await pad.locator(`[data-key="${digit}"]`).click();
      await page.waitForFunction(() => document.querySelector('rulrr-ereceipt-numpad')!.value === '+819012345678');
      await shows('+81 90 1234 5678');
      assert.equal(await pad.locator('[part~="send"]').innerText(), 'Envoyer');
      // All of it fits a small till's screen.
      const { height } = (await pad.locator('[part~="dialog"]').boundingBox())!;
      assert.ok(height < 700, `${height} px`);
      assert.ok(await page.evaluate(() => (window as unknown as { heard: number }).heard));
      await pad.locator('[part~="send"]').click();
      assert.deepEqual(await outcome, { type: 'ereceipt-sent', orderId: 'order-5', phoneNumber: '+819012345678' });
      const end = await page.locator('rulrr-connect').evaluate((element) => (element as Connect).start());
      assert.equal(end.type, 'finished');
      assert.deepEqual(problems, []);
      await page.close();
    });
  }

  it('works in a page whose own scripts, which come later, have a Map, a Set and a crypto of theirs', async () => {
    shop.finish();
    // It presses the keys itself and reports to the console: the test's driver needs a Map in the page, too.
    const own = `
      function Map() { this.entries = {}; }
      Map.prototype.put = function (key, value) { this.entries[key] = value; };
      function Set() { this.members = []; }
      function crypto(text) { return text.split('').reverse().join(''); }
      addEventListener('load', function () {
        var pad = document.querySelector('rulrr-ereceipt-numpad');
        var press = function (selector) { pad.shadowRoot.querySelector(selector).click(); };
        pad.addEventListener('input', function () { if (pad.value) press('[part~="send"]'); });
        pad.prompt('order-8').then(function (outcome) { console.log(JSON.stringify(outcome)); });
        var look = setInterval(function () {
          if (pad.state !== 'asking') return;
          clearInterval(look);
          '2015550123'.split('').forEach(function (digit) { press('[data-key="' + digit + '"]'); });
        });
      });`;
    shop.pages['/lax-classes'] = html(`${tag}<script>${own}</script>`, both);
    const { page, problems } = await watchedPage(browser);
    const told = page.waitForEvent('console', { timeout: 10_000 });
    await page.goto(`${shop.origin}/lax-classes`);
    assert.equal((await told).text(), '{"type":"ereceipt-sent","orderId":"order-8","phoneNumber":"+12015550123"}');
    assert.deepEqual(problems, []);
    await page.close();
  });

  it('takes neither the focus nor the page’s place where it is put into a page, asking', async () => {
    shop.finish();
    shop.pages['/lax-inserted'] = html(`${tag}<p style="height: 3000px">goods</p>`, '');
    for (const presentation of ['inline', 'dialog']) {
      const { page, problems } = await watchedPage(browser);
      await page.goto(`${shop.origin}/lax-inserted`);
      const [focused, scrolled] = await page.evaluate(async (shownAs) => {
        const pad = document.createElement('rulrr-ereceipt-numpad');
        Object.assign(pad, {
          presentation: shownAs,
          open: true,
          orderId: 'order-6',
          send: Promise.race.bind(Promise, []),
        });
        document.body.append(pad);
        await new Promise((resolve) => setTimeout(resolve, 300));
        const inside = pad.shadowRoot!.activeElement;
        return [inside ? inside.id : document.activeElement!.tagName, scrollY];
      }, presentation);
      assert.deepEqual([focused, scrolled], [presentation === 'dialog' ? 'number' : 'BODY', 0]);
      assert.deepEqual(problems, []);
      await page.close();
    }
  });

  it('leaves the paper to the receipt where the page prints itself while it asks', async () => {
    shop.finish();
    // As receipts are often printed out of the page that they stand in.
    const print =
      '<style>@media print { body * { visibility: hidden } #receipt { visibility: visible } rulrr-ereceipt-numpad { display: block !important } }</style>';
    for (const presentation of ['inline', 'dialog']) {
      shop.pages['/lax-print'] = html(
        tag + print,
        `<p id="receipt">Two coffees</p><rulrr-ereceipt-numpad proxy-url="/rulrr" presentation="${presentation}"></rulrr-ereceipt-numpad>`,
      );
      const { page, problems } = await watchedPage(browser);
      await page.goto(`${shop.origin}/lax-print`);
      const pad = page.locator('rulrr-ereceipt-numpad');
      void pad.evaluate((element) => void (element as Numpad).prompt('order-6'));
      await pad.locator('[data-key="5"]').click();
      const seen = async () => [
        await page.locator('#receipt').isVisible(),
        await pad.locator('[part~="dialog"]').isVisible(),
        await pad.locator('[part~="display"]').isVisible(),
      ];
      assert.deepEqual(await seen(), [true, true, true]);
      await page.emulateMedia({ media: 'print' });
      assert.deepEqual(await seen(), [true, false, false], presentation);
      await page.emulateMedia({ media: null });
      await pad.locator('[data-key="7"]').click();
      assert.equal(await pad.locator('[part~="display"]').textContent(), '57');
      assert.deepEqual(problems, []);
      await page.close();
    }
  });

  it('stays in sight where its first touch takes a part of the page to full screen', async () => {
    shop.finish();
    shop.pages['/lax-fullscreen'] = html(
      `${tag}<style>#app, #app::backdrop { background: #f00 }</style>`,
      '<div id="app"><rulrr-ereceipt-numpad proxy-url="/rulrr" presentation="dialog"></rulrr-ereceipt-numpad></div>',
    );
    const { page, problems } = await watchedPage(browser);
    await page.goto(`${shop.origin}/lax-fullscreen`);
    await page.evaluate(() => {
      document.addEventListener('pointerdown', () => void document.querySelector('#app')!.requestFullscreen(), {
        once: true,
      });
    });
    const pad = page.locator('rulrr-ereceipt-numpad');
    void pad.evaluate((element) => void (element as Numpad).prompt('order-6'));
    await pad.locator('[data-key="5"]').click();
    await page.waitForFunction(() => document.fullscreenElement);
    await pad.locator('[data-key="7"]').click();
    assert.equal(await pad.locator('[part~="display"]').textContent(), '57');
    const { data, width, height } = PNG.sync.read(await pad.locator('[data-key="8"]').screenshot());
    const green = data[4 * (width * (height >> 1) + (width >> 2)) + 1]!;
    assert.ok(green > 100, `the key is ${green ? 'shaded' : 'behind the page'}`);
    assert.deepEqual(problems, []);
    await page.close();
  });

  it('takes properties that were set before it was loaded', async () => {
    shop.finish();
    shop.pages['/lax-late'] = html('', both);
    const { page } = await watchedPage(browser);
    await page.goto(`${shop.origin}/lax-late`);
    // As text: the test's own compiler would name the inner function by a helper that the page has not.
    await page.evaluate(`{
      const pad = document.querySelector('rulrr-ereceipt-numpad');
      pad.send = () => { window.ownSend = true; return Promise.resolve(); };
      pad.defaultCountry = 'DE';
      pad.removeAttribute('proxy-url');
    }`);
    await page.addScriptTag({ url: '/dist/rulrr-embed.iife.js' });
    await page.waitForFunction(() => customElements.get('rulrr-ereceipt-numpad'));
    const pad = page.locator('rulrr-ereceipt-numpad');
    void pad.evaluate((element) => void (element as Numpad).prompt('order-4'));
    for (const digit of '015123456789') await pad.locator(`[data-key="${digit}"]`).click();
    await page.waitForFunction(() => document.querySelector('rulrr-ereceipt-numpad')!.value === '+4915123456789');
    await pad.locator('[part~="send"]').click();
    await page.waitForFunction(() => (window as unknown as { ownSend?: boolean }).ownSend === true);
    await page.close();
  });

  it('reads its own letters in a page of another encoding', async () => {
    shop.finish();
    const server = await serve(root, (url) =>
      url.pathname === '/latin'
        ? {
            body: `<!doctype html><html lang="ja"><title>till</title><script src="/script.js"></script><body><rulrr-connect proxy-url="/rulrr"></rulrr-connect>`,
            type: 'text/html; charset=windows-1252',
          }
        : url.pathname === '/script.js'
          ? { body: script, type: 'text/javascript' }
          : { body: '{"connected":false,"ereceipt":false,"expiration":null}', type: json },
    );
    const { page } = await watchedPage(browser);
    await page.goto(`${server.origin}/latin`);
    await page.waitForFunction(() =>
      /[\u3040-\u30ff\u4e00-\u9fff]/.test(document.querySelector('rulrr-connect')!.shadowRoot!.textContent!),
    );
    await page.close();
    await server.close();
  });

  it('is refused by the browser if its hash is another, and runs if it is its own', async () => {
    const integrity = integrityOf(Buffer.from(script));
    shop.pages['/hash'] = html(`<script src="/dist/rulrr-embed.iife.js" integrity="${integrity}"></script>`);
    shop.pages['/other-hash'] = html(
      `<script src="/dist/rulrr-embed.iife.js" integrity="${integrityOf(Buffer.from('other'))}"></script>`,
    );
    const { page } = await watchedPage(browser);
    const registered = () => page.evaluate(() => customElements.get('rulrr-connect') !== undefined);
    await page.goto(`${shop.origin}/hash`);
    assert.equal(await registered(), true);
    await page.goto(`${shop.origin}/other-hash`);
    assert.equal(await registered(), false);
    await page.close();
  });
});
