// The script tag carries libphonenumber-js without what no keyed number needs. Whoever asks gets the same answer as from the whole.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import examples from 'libphonenumber-js/mobile/examples';
import { build, type Plugin } from 'vite';
import { trimPhoneLibrary } from '../../.config/phone-trimming.mjs';
import * as whole from '../../src/numpad/phone-library.js';
import { world } from '../../src/numpad/phone-world.js';
import { fakeClock } from '../support/fake-clock.js';

const { random } = fakeClock(0, 20261126);
const digit = () => String(Math.floor(random() * 10));

describe('the phone library inside the script tag', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-phone-'));
  after(() => rmSync(folder, { recursive: true }));
  let trimmed: typeof whole;
  const built = async (name: string, plugins: Plugin[]): Promise<string> => {
    await build({
      configFile: false,
      logLevel: 'error',
      publicDir: false,
      plugins,
      build: {
        outDir: join(folder, name),
        minify: false,
        lib: { entry: 'src/numpad/phone-library.ts', formats: ['es'], fileName: () => 'library.mjs' },
        rolldownOptions: { output: { codeSplitting: false } },
      },
    });
    return join(folder, name, 'library.mjs');
  };

  before(async () => {
    trimmed = (await import(pathToFileURL(await built('trimmed', [trimPhoneLibrary()])).href)) as typeof whole;
  });

  const same = (text: string, country: string) => {
    const why = `${text} in ${country}`;
    assert.deepEqual(trimmed.phoneRules.read(text, country), whole.phoneRules.read(text, country), why);
    assert.equal(trimmed.phoneRules.format(text, country), whole.phoneRules.format(text, country), why);
  };
  const regions = Object.entries(world().countries) as unknown as [string, [code: string, idd: string]][];

  it('says the same of what is keyed before the world is here', () => {
    for (let length = 0; length < 20; length++) {
      for (let index = 0; index < 50; index++) {
        const digits = Array.from({ length }, digit).join('');
        for (const country of ['US', 'CA', 'GB', 'AC'])
          for (const front of ['', '+', '+1', '1', '011', '00']) same(front + digits, country);
      }
    }
  });

  it('says the same of every beginning of every number, in every way to dial it', async () => {
    await Promise.all([trimmed.loadWorld(), whole.loadWorld()]);
    let asked = 0;
    for (const [country, [code]] of regions) {
      const example = (examples as Record<string, string>)[country] ?? '5550123';
      const changed = [...example].map((one) => (random() < 0.2 ? digit() : one)).join('');
      for (const national of [example, changed, example + digit(), example + changed]) {
        for (const front of [
          '',
          '0',
          '1',
          '8',
          '00',
          '011',
          '+',
          `+${code}`,
          code,
          `00${code}`,
          `011${code}`,
          `+${code}0`,
        ]) {
          for (let end = front.length; end <= front.length + national.length; end += 1 + Math.floor(random() * 3)) {
            same((front + national).slice(0, end), country);
            asked++;
          }
        }
      }
    }
    assert.ok(asked > 50_000, String(asked));
  });

  it('is a good part smaller: a cut that cuts nothing would pass everything else', async () => {
    const size = async (name: string, plugins: Plugin[]) =>
      readFileSync(await built(name, plugins), 'utf8').replace(/\s+/g, ' ').length - JSON.stringify(world()).length;
    const now = await size('trimmed', [trimPhoneLibrary()]);
    const before = await size('whole', []);
    assert.ok(now < 0.75 * before, `${now} of ${before}`);
  });

  it('stops the build when the library has changed under it', () => {
    const { transform } = trimPhoneLibrary();
    const file = '/node_modules/libphonenumber-js/es6-modern/format.js';
    assert.throws(
      () => transform('export function formatPhone() {}', file),
      /lacks options\.v2, formatIDD, addExtension/,
    );
  });
});
