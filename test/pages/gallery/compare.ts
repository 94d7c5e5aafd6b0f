// Pictures of the gallery: taken the same way on any machine, kept small, compared figure by figure.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';
import type { Browser, Page } from 'playwright-core';
import { indexedPng } from './indexed-png.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../../..');

/** A colour that is off by more than this counts (0 to 1, in YIQ), and more such pixels than this in one figure are a change. */
const threshold = 0.03;
const allowedPixels = 24;

const fonts: [family: string, weight: number, file: string, range: string][] = [
  ['Gallery', 400, 'rubik/files/rubik-latin-400-normal.woff2', 'U+0-5FF, U+2000-206F'],
  ['Gallery', 600, 'rubik/files/rubik-latin-600-normal.woff2', 'U+0-4FF, U+2000-206F'],
  ['Gallery', 700, 'rubik/files/rubik-latin-700-normal.woff2', 'U+0-4FF, U+2000-206F'],
  ['Gallery', 400, 'rubik/files/rubik-hebrew-400-normal.woff2', 'U+590-5FF, U+FB1D-FB4F'],
  ['Gallery', 600, 'rubik/files/rubik-hebrew-600-normal.woff2', 'U+590-5FF, U+FB1D-FB4F'],
  ['Signs', 400, 'noto-sans-symbols-2/files/noto-sans-symbols-2-symbols-400-normal.woff2', 'U+2190-2BFF'],
];

/** Fonts of the tests' own, so that no machine's fonts are in the pictures. */
const fontStyles = `${fonts
  .map(([family, weight, file, range]) => {
    const data = readFileSync(join(root, 'node_modules/@fontsource', file)).toString('base64');
    return `@font-face{font-family:${family};font-weight:${weight};unicode-range:${range};src:url(data:font/woff2;base64,${data}) format('woff2')}`;
  })
  .join('')}:root{--rulrr-font:Gallery,Signs!important}`;

/** What Rulrr shows in the frame is Rulrr's, and a browser paints it when it likes: on a slow machine's pictures the frame was still empty. */
const frameStyles = 'rulrr-connect::part(frame){content-visibility:hidden!important;background:#cde!important}';

export const flags = [
  '--font-render-hinting=none',
  '--disable-lcd-text',
  '--disable-font-subpixel-positioning',
  '--force-color-profile=srgb',
  '--force-device-scale-factor=1',
];

/** The gallery in a mode, ready to be pictured. */
export async function openGallery(browser: Browser, url: string, query: string, dark = false): Promise<Page> {
  const context = await browser.newContext({
    // For the fonts. That both elements keep to the policy is what the other tests of these pages look after.
    bypassCSP: true,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    viewport: { width: 1280, height: 900 },
  });
  const page = await context.newPage();
  await page.route('**/connect/?*', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Rulrr</title>' }),
  );
  await page.goto(`${url}gallery${query}`);
  await page.addStyleTag({ content: fontStyles + frameStyles });
  await page.locator('html[data-gallery="ready"]').waitFor();
  await page.evaluate(() => {
    // A caret that blinks and a ring around what had the focus last are no part of a state.
    let inner = document.activeElement;
    while (inner?.shadowRoot?.activeElement) inner = inner.shadowRoot.activeElement;
    (inner as HTMLElement | null)?.blur();
    return document.fonts.ready.then(() => {});
  });
  return page;
}

export interface Picture {
  image: PNG;
  /** Where each figure is. */
  figures: { name: string; x: number; y: number; width: number; height: number }[];
}

export async function take(page: Page): Promise<Picture> {
  const figures = await page.locator('[data-state]').evaluateAll((all) =>
    all.map((figure) => {
      const { x, y, width, height } = figure.getBoundingClientRect();
      const top = y + window.scrollY;
      const name = (figure as HTMLElement).dataset['state']!;
      return { name, x: Math.floor(x), y: Math.floor(top), width: Math.ceil(width), height: Math.ceil(height) };
    }),
  );
  const image = PNG.sync.read(await page.screenshot({ fullPage: true, animations: 'disabled', caret: 'hide' }));
  // Fewer shades, so that a picture takes a third of the room; far under what the comparison lets through.
  for (let at = 0; at < image.data.length; at++)
    if (at % 4 < 3) image.data[at] = Math.min(255, image.data[at]! + 4) & 0xf8;
  return { image, figures };
}

const pathOf = (name: string) => join(here, 'baselines', `${name}.png`);

export function keep(name: string, { image }: Picture): void {
  mkdirSync(dirname(pathOf(name)), { recursive: true });
  writeFileSync(pathOf(name), indexedPng(image));
}

export function kept(name: string): PNG | null {
  return existsSync(pathOf(name)) ? PNG.sync.read(readFileSync(pathOf(name))) : null;
}

/** What has changed, in words; nothing if the pictures are the same. */
export function changes(before: PNG, { image, figures }: Picture): string[] {
  const { width, height } = image;
  if (before.width !== width || before.height !== height) {
    return [`the page is ${width}×${height}, and was ${before.width}×${before.height}`];
  }
  if (before.data.equals(image.data)) return [];
  const marks = new Uint8Array(width * height * 4);
  pixelmatch(before.data, image.data, marks, width, height, { threshold, diffMask: true, includeAA: true });
  const counts = new Map<string, number>();
  for (let at = 0; at < width * height; at++) {
    if (!marks[at * 4 + 3]) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    const figure = figures.find((box) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height);
    const name = figure ? figure.name : 'outside of the figures';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Array.from(counts)
    .filter(([, count]) => count > allowedPixels)
    .map(([name, count]) => `${name}: ${count} pixels`);
}

/** Keeps what a failure saw, to be looked at. */
export function leave(name: string, { image }: Picture): string {
  const path = join(root, '.cache/gallery', `${name}.png`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, PNG.sync.write(image));
  return path;
}
