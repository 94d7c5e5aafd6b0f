// A component is edited while the framework's own dev server shows it, in the middle of a connect session and of a half-typed number. Where the framework
// keeps the elements nothing may be lost; where it makes them anew the session goes on in the new one, and the order of the old one ends once, on paper.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from '../../.config/install.mjs';
import { launchChromium } from '../support/chromium.mjs';
import { openShop } from '../support/shop.mjs';

/** What is edited, and which edit makes the framework build the component anew. `words: 'anew'`: any edit does. */
const pages = {
  react: {
    file: 'src/Till.tsx',
    anew: ['const [order,', 'const [edits] = useState(0);\n  void edits;\n  const [order,'],
  },
  vue: { file: 'src/Till.vue', anew: ['const draws = ref(0);', 'const draws = ref(Number(0));'] },
  svelte: {
    file: 'src/Till.svelte',
    words: 'anew',
    anew: ['let draws = $state(0);', 'let draws = $state(Number(0));'],
  },
  angular: { file: 'src/till.ts', words: 'anew', anew: ['', ''] },
};
const names = (process.env.RULRR_FRAMEWORKS ?? '').split(' ').filter((name) => name in pages);
const digits = '2015550123';

async function viteServer(folder, proxy) {
  const { createServer } = await import(pathToFileURL(join(folder, 'node_modules/vite/dist/node/index.js')).href);
  const server = await createServer({
    root: folder,
    configFile: join(folder, 'vite.config.js'),
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0, proxy: { '/rulrr': proxy } },
  });
  await server.listen();
  return { origin: `http://127.0.0.1:${server.httpServer.address().port}`, close: () => server.close() };
}

async function angularServer(folder, proxy) {
  const settings = JSON.parse(readFileSync(join(folder, 'angular.json'), 'utf8'));
  // As `ng new` sets up what is served: only what is not optimised is replaced while it runs.
  Object.assign(settings.projects.till.architect.build.options, { optimization: false });
  writeFileSync(join(folder, 'angular.json'), JSON.stringify(settings));
  writeFileSync(join(folder, 'proxy.json'), JSON.stringify({ '/rulrr': { target: proxy } }));
  const flags = ['serve', '--host', '127.0.0.1', '--port', '0', '--proxy-config', 'proxy.json'];
  const child = spawn(process.execPath, [join(folder, 'node_modules/@angular/cli/bin/ng.js'), ...flags], {
    cwd: folder,
    env: { ...process.env, NG_CLI_ANALYTICS: 'false', NO_COLOR: '1', CI: '1' },
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let output = '';
  const origin = await new Promise((resolve, reject) => {
    const read = (text) => {
      output += text;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
      if (found) resolve(found[0]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(() => reject(new Error(output)));
  });
  return { origin, close: () => (child.kill('SIGKILL'), ended) };
}

for (const name of names) {
  describe(`${name}, edited while it is shown`, () => {
    const folder = join(root, '.cache/frameworks', name);
    const path = join(folder, pages[name].file);
    const original = readFileSync(path, 'utf8');
    let [shop, server, browser, page] = [];
    const problems = [];

    before(async () => {
      shop = await openShop({ folders: [] });
      server = await (name === 'angular' ? angularServer : viteServer)(folder, shop.origin);
      browser = await launchChromium();
      page = await browser.newPage();
      page.on('pageerror', (error) => problems.push(error.message));
      await page.goto(server.origin);
      // What the server bundles on the first visit may load the page once more; the page is used after that.
      await page.locator('rulrr-connect [part~="button"]').first().waitFor();
      await page.evaluate(() => {
        window.heard = [];
        window.known = new Set();
      });
      await listen();
    });
    after(async () => {
      writeFileSync(path, original);
      await browser?.close();
      await server?.close();
      await shop?.close();
    });

    /** Listens at the elements themselves: what happens to one that is out of the page reaches no other place. */
    const listen = () =>
      page.evaluate(() => {
        const types = 'connect-started connect-finished connect-cancelled connect-expired connect-failed';
        for (const [tag, list] of [
          ['rulrr-connect', types],
          ['rulrr-ereceipt-numpad', 'ereceipt-sent print-receipt'],
        ]) {
          const element = document.querySelector(tag);
          if (window.known.has(element)) continue;
          window.known.add(element);
          for (const type of list.split(' '))
            element.addEventListener(type, ({ detail }) =>
              window.heard.push([type, detail?.orderId, detail?.reason].filter(Boolean).join(' ')),
            );
        }
      });
    const heard = () => page.evaluate(() => window.heard.splice(0));
    const key = (digit) => page.locator(`rulrr-ereceipt-numpad [data-key="${digit}"]`).click();
    const display = () => page.locator('rulrr-ereceipt-numpad [part~="display"]').innerText();
    const frames = () => page.locator('rulrr-connect iframe').count();
    /**
     * Saves the component; done when the page shows it. The page itself is not loaded anew. A watcher may miss a save that comes right after
     * another one, as it may with a person, who saves once more.
     */
    const edit = async (words, [from, to] = ['', '']) => {
      const before = readFileSync(path, 'utf8');
      assert.ok(before.includes(from));
      const text = before.replace(from, to);
      const shows = (wanted) => document.querySelector('h1')?.textContent.startsWith(wanted);
      for (let save = 1, seen = false; !seen; save += 1) {
        assert.ok(save < 6, 'the dev server sees no save');
        writeFileSync(path, text.replace(/<h1>.*<\/h1>/, `<h1>${words}, save ${save}</h1>`));
        seen = await page.waitForFunction(shows, words, { timeout: 4000 }).then(
          () => true,
          () => false,
        );
      }
      assert.ok(await page.evaluate(() => Array.isArray(window.heard)), 'replaced in place, not loaded anew');
    };
    /** The merchant's last step, as the connect page posts it. */
    const finish = async () => {
      await page.locator('rulrr-connect[state="pending"] iframe').waitFor();
      const url = new URL(await page.locator('rulrr-connect iframe').getAttribute('src'));
      const body = new URLSearchParams([...url.searchParams, ['action', 'finish'], ['ereceipt', 'on'], ['step', '3']]);
      await fetch(new URL('/connect/', shop.connectOrigin), { method: 'POST', body, redirect: 'manual' });
      await page.locator('rulrr-connect[state="finished"]').waitFor();
    };
    /** A session that is pending, and a number of which half is typed. */
    const begin = async () => {
      await page.evaluate(() => {
        void document.querySelector('rulrr-connect').start();
      });
      await page.locator('rulrr-connect iframe').waitFor();
      await page.locator('rulrr-connect[state="pending"]').waitFor();
      await page.locator('[data-demo="pay"]').click();
      await page.locator('rulrr-ereceipt-numpad[open]').waitFor();
      for (const digit of digits.slice(0, 5)) await key(digit);
      await page.evaluate(() => {
        window.old = ['rulrr-connect', 'rulrr-ereceipt-numpad'].map((tag) => document.querySelector(tag));
      });
    };
    const kept = () => page.evaluate(() => window.old.map((element) => element.isConnected));

    it('connects a store first', async () => {
      await page.locator('rulrr-connect [part~="button"]').first().click();
      await finish();
      assert.deepEqual(await heard(), ['connect-started', 'connect-finished']);
    });

    if (pages[name].words !== 'anew') {
      it('loses nothing when its words are edited, three times over', async () => {
        await begin();
        const typed = await display();
        for (const time of [1, 2, 3]) await edit(`Edit ${time}`);
        assert.deepEqual(await kept(), [true, true]);
        assert.equal(await display(), typed);
        assert.equal(await frames(), 1);
        for (const digit of digits.slice(5)) await key(digit);
        await page.locator('rulrr-ereceipt-numpad [part~="send"]').click();
        await page.locator('[data-demo="texted"] li').waitFor();
        await finish();
        assert.deepEqual((await heard()).sort(), ['connect-finished', 'connect-started', 'ereceipt-sent 1001']);
        assert.deepEqual(
          shop.sandbox.messages.map(({ phoneNumber }) => phoneNumber),
          [`+1${digits}`],
        );
      });
    }

    if (pages[name].anew) {
      it('goes on with the session, and prints the order once, when the elements are made anew', async () => {
        await begin();
        const source = await page.locator('rulrr-connect iframe').getAttribute('src');
        const sent = shop.sandbox.messages.length;
        await edit('Made anew', pages[name].anew);
        assert.deepEqual(await kept(), [false, false]);
        await listen();
        await page.waitForFunction(() => window.heard.some((text) => text.startsWith('print-receipt')));
        await page.locator('rulrr-connect[state="pending"] iframe').waitFor();
        assert.equal(await frames(), 1);
        assert.equal(await page.locator('rulrr-connect iframe').getAttribute('src'), source, 'the same session');
        await finish();
        const events = await heard();
        assert.equal(events.filter((text) => text.startsWith('print-receipt')).length, 1, events.join(', '));
        assert.equal(events.filter((text) => text === 'connect-finished').length, 1, events.join(', '));
        assert.deepEqual(
          events.filter((text) => !/^(print-receipt \d+ closed|connect-(started|finished))$/.test(text)),
          [],
        );
        assert.equal(shop.sandbox.messages.length, sent, 'and nothing was texted');
      });
    }

    it('had no error on the way', () => assert.deepEqual(problems, []));
  });
}
