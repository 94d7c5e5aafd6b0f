// The playground: everything that the manifest has is there to be changed, and the code beside it says the same.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.mjs';
import { demoFolder, startDemo, type Demo } from './support.js';

interface Named {
  name: string;
  kind?: string;
}
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const elements = (
  JSON.parse(read('custom-elements.json')) as {
    modules: {
      declarations: ({ tagName: string; slots?: Named[] } & Record<
        'members' | 'events' | 'cssParts' | 'cssProperties',
        Named[]
      >)[];
    }[];
  }
).modules
  .flatMap(({ declarations }) => declarations)
  .filter(({ tagName }) => tagName);

describe('the playground', { timeout: 300_000 }, () => {
  const folder = demoFolder();
  const problems: string[] = [];
  let demo: Demo;
  let browser: Browser;
  let page: Page;

  const code = () => page.locator('[data-play="code"]').innerText();
  const choose = (tag: string) => page.locator('[data-play="elements"] button', { hasText: tag }).click();

  before(async () => {
    [demo, browser] = await Promise.all([startDemo(folder.path), launchChromium()]);
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(demo.url);
    await page.locator('nav a[href="/playground"]').click();
    await page.locator('html[data-playground="ready"]').waitFor();
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
    folder.remove();
    assert.deepEqual(problems, [], 'the page keeps to its policy and throws nothing');
  });

  for (const width of [320, 800, 1280]) {
    it(`does not scroll sideways where it is ${width} px wide, also once it is known how the store stands`, async () => {
      const own = page.viewportSize()!;
      await page.setViewportSize({ width, height: 800 });
      for (const { tagName } of elements) {
        await choose(tagName);
        if (tagName === 'rulrr-connect') await page.locator('output', { hasText: '"connected"' }).waitFor();
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(excess <= 0, `<${tagName}> is ${excess} px too wide`);
      }
      await page.setViewportSize(own);
    });
  }

  for (const { tagName, members, events, slots = [], cssParts, cssProperties } of elements) {
    it(`has everything that the manifest says of <${tagName}>`, async () => {
      await choose(tagName);
      const shown = (attribute: string) =>
        page
          .locator(`[data-play="controls"] [${attribute}]`)
          .evaluateAll((all, name) => all.map((one) => one.getAttribute(name)).sort(), attribute);
      const names = (list: Named[]) => list.map(({ name }) => name).sort();
      assert.deepEqual(await shown('data-property'), names(members.filter(({ kind }) => kind === 'field')));
      assert.deepEqual(await shown('data-method'), names(members.filter(({ kind }) => kind === 'method')));
      assert.deepEqual(await shown('data-event-name'), names(events));
      assert.deepEqual(await shown('data-slot'), names(slots));
      assert.deepEqual(await shown('data-css-part'), names(cssParts));
      assert.deepEqual(await shown('data-css-property'), names(cssProperties));
    });
  }

  it('changes the element, and says it in code', async () => {
    await choose('rulrr-ereceipt-numpad');
    await page.locator('[data-property="layout"]').selectOption('calculator');
    await page.locator('[data-property="send"]').selectOption('() => Promise.resolve()');
    await page.locator('[data-css-property="--rulrr-accent"]').fill('rgb(200, 0, 0)');
    await page.locator('[data-css-part="send"]').fill('letter-spacing: 3px;');
    await page.locator('[data-property="proxyUrl"]').fill('');
    await page.locator('[data-method="prompt"]').click();
    const numpad = page.locator('rulrr-ereceipt-numpad');
    for (const digit of '2133734253') await numpad.locator(`[data-key="${digit}"]`).click();
    const send = numpad.locator('[part~="send"][aria-disabled="false"]');
    assert.equal(await send.evaluate((button) => getComputedStyle(button).letterSpacing), '3px');
    assert.equal(await send.evaluate((button) => getComputedStyle(button).backgroundColor), 'rgb(200, 0, 0)');
    assert.equal(await numpad.locator('[data-key]:not([data-key="clear"])').first().getAttribute('data-key'), '7');
    const said = await code();
    for (const part of [
      'layout="calculator"',
      'element.send = () => Promise.resolve();',
      '--rulrr-accent: rgb(200, 0, 0);',
      '::part(send) {',
    ])
      assert.ok(said.includes(part), said);
    await send.click();
    await page.locator('[data-play="log"] [data-event="ereceipt-sent"]', { hasText: '+12133734253' }).waitFor();
    await page.locator('[data-play="log"] [data-event="prompt() →"]').waitFor();
    assert.ok(await page.locator('[data-play="log"] [data-event="input"]').count());
  });

  it('writes words into the code that stay words where they are pasted', async () => {
    await choose('rulrr-connect');
    await page.locator('[data-slot=""]').fill('Tom & <Jerry>');
    const said = await code();
    await page.locator('[data-slot=""]').fill('');
    assert.ok(said.includes('>Tom &amp; &lt;Jerry></rulrr-connect>'), said);
  });

  it('sets a scenario by one click, and the element meets it', async () => {
    await choose('rulrr-connect');
    const state = (await (await fetch(`${demo.url}demo/state`)).json()) as { scenarios: { name: string }[] };
    const shown = await page
      .locator('[data-scenario]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('data-scenario')));
    assert.deepEqual(
      shown,
      state.scenarios.map(({ name }) => name),
    );
    await page.locator('[data-scenario="refuses-framing"]').click();
    await page.locator('[data-scenario="refuses-framing"][aria-pressed="true"]').waitFor();
    await page.locator('[data-method="start"]').click();
    await page.locator('[data-play="log"] [data-event="connect-warning"]', { hasText: 'not-embeddable' }).waitFor();
    await page.locator('[data-method="cancel"]').click();
    await page.locator('[data-play="log"] [data-event="connect-cancelled"]').waitFor();
    await page.locator('[data-scenario="normal"]').click();
    await page.locator('[data-scenario="normal"][aria-pressed="true"]').waitFor();
  });

  it('puts on each theme, and takes it off again', async () => {
    await choose('rulrr-connect');
    const theme = page.locator('[data-play="theme"]');
    const button = page.locator('rulrr-connect [part~="button"], rulrr-connect [part~="retry"]').first();
    const look = () =>
      button.evaluate((one) => {
        const { backgroundColor, borderRadius, borderWidth } = getComputedStyle(one);
        return [backgroundColor, borderRadius, borderWidth].join(' ');
      });
    const looks = [await look()];
    const names = await theme
      .locator('option')
      .evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value).filter(Boolean));
    assert.deepEqual(names, ['calm', 'contrast', 'dense-legacy-till']);
    for (const name of names) {
      await theme.selectOption(name);
      await page.waitForFunction(
        (href) => Array.from(document.styleSheets).some((sheet) => sheet.href?.endsWith(href)),
        `/themes/${name}.css`,
      );
      looks.push(await look());
    }
    assert.equal(new Set(looks).size, looks.length, looks.join('\n'));
    await theme.selectOption('');
    assert.equal(await look(), looks[0]);
  });

  for (const path of ['playground', 'gallery', 'gallery?lang=he']) {
    it(`has nothing for axe to report: /${path}`, async () => {
      const context = await browser.newContext({ bypassCSP: true, viewport: { width: 1280, height: 800 } });
      const other = await context.newPage();
      await other.goto(`${demo.url}${path}`);
      await other.locator('html[data-playground="ready"], html[data-gallery="ready"]').waitFor();
      await other.addScriptTag({ content: read('node_modules/axe-core/axe.min.js') });
      const found = await other.evaluate(async () => {
        const { axe } = window as unknown as {
          axe: { run(context: object): Promise<{ violations: { id: string; nodes: { target: unknown }[] }[] }> };
        };
        // What is in the frame is Rulrr's; many elements in one page make many regions and dialogs of one name.
        const { violations } = await axe.run({ exclude: ['iframe'] });
        return violations.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes[0]!.target)} (${nodes.length})`);
      });
      assert.deepEqual(found, []);
      await context.close();
    });
  }

  for (const theme of ['calm', 'contrast', 'dense-legacy-till']) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`can be read with the theme ${theme}, ${colorScheme}`, async () => {
        const context = await browser.newContext({
          bypassCSP: true,
          colorScheme,
          viewport: { width: 1280, height: 800 },
        });
        const other = await context.newPage();
        await other.goto(`${demo.url}gallery`);
        await other.locator('html[data-gallery="ready"]').waitFor();
        // Status and errors of <rulrr-connect> stand on the page's own ground: here on the theme's.
        await other.addStyleTag({
          content: `${read(`demo/themes/${theme}.css`)} figure { background: var(--rulrr-surface) !important }`,
        });
        await other.addScriptTag({ content: read('node_modules/axe-core/axe.min.js') });
        const found = await other.evaluate(async () => {
          const { axe } = window as unknown as {
            axe: {
              run(
                context: object,
                options: object,
              ): Promise<{ passes: unknown[]; violations: { nodes: { html: string }[] }[] }>;
            };
          };
          const { passes, violations } = await axe.run(
            { include: ['rulrr-connect', 'rulrr-ereceipt-numpad'], exclude: ['iframe'] },
            { runOnly: ['color-contrast'] },
          );
          return [String(passes.length), ...violations.flatMap(({ nodes }) => nodes.map(({ html }) => html))];
        });
        assert.deepEqual(found, ['1']);
        await context.close();
      });
    }
  }

  it('themes name only tokens and parts that the manifest has', () => {
    const tokens = new Set(elements.flatMap(({ cssProperties }) => cssProperties.map(({ name }) => name)));
    for (const name of ['calm', 'contrast', 'dense-legacy-till']) {
      const css = read(`demo/themes/${name}.css`);
      for (const [, token] of css.matchAll(/(--rulrr-[\w-]+):/g)) assert.ok(tokens.has(token!), `${name}: ${token}`);
      for (const [, tag, part] of css.matchAll(/(rulrr-[\w-]+)::part\(([\w-]+)\)/g)) {
        const element = elements.find(({ tagName }) => tagName === tag);
        assert.ok(
          element?.cssParts.some((one) => one.name === part),
          `${name}: ${tag}::part(${part})`,
        );
      }
    }
  });
});
