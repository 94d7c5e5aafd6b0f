// How the build makes one quick script of the modules: each step on a script of a few lines, which is then run.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import { withLazyFunctions } from '../../.config/lazy-functions.mjs';
import { withRooms } from '../../.config/on-demand.mjs';
import { prepare, prepareTemplates } from '../../.config/prepared-templates.mjs';

/** Runs a script; what it reports, in order. */
function told(code: string): unknown[] {
  const reports: unknown[] = [];
  runInNewContext(code, { tell: (what: unknown) => reports.push(what) });
  return reports;
}

const inOneScope = (code: string): string => `(function() {\n${code}\n})();`;

describe('what is set up on demand', () => {
  const made = (what: string) => `const ${what} = (tell('${what} is set up'), '${what}');`;

  it('is set up when it is first asked for, once, with all that nothing else needs', () => {
    const rooms = withRooms(
      inOneScope(`
        ${made('table')}
        ${made('shared')}
        class Session { constructor() { this.has = table + shared; } }
        const open = () => new (__onDemand('session.js', () => ({ Session: Session })).Session)().has;
        tell('the page is there, with ' + shared);
        tell(open());
        tell(open());`),
    );
    assert.deepEqual(told(rooms), [
      'shared is set up',
      'the page is there, with shared',
      'table is set up',
      'tableshared',
      'tableshared',
    ]);
  });

  it('keeps outside what two of them need', () => {
    const rooms = withRooms(
      inOneScope(`
        ${made('both')}
        ${made('one')}
        ${made('other')}
        const first = () => both + one;
        const second = () => both + other;
        tell('the page is there');
        tell(__onDemand('first.js', () => ({ first })).first());
        tell(__onDemand('second.js', () => ({ second })).second());`),
    );
    assert.deepEqual(told(rooms), [
      'both is set up',
      'the page is there',
      'one is set up',
      'bothone',
      'other is set up',
      'bothother',
    ]);
  });

  it('takes several names from one place, in several places', () => {
    const rooms = withRooms(
      inOneScope(`
        ${made('table')}
        let count = 0;
        const next = () => (count += 1);
        const last = () => table + count;
        tell(__onDemand('count.js', () => ({ next })).next());
        tell(__onDemand('count.js', () => ({ last })).last());
        tell(__onDemand('count.js', () => ({ next })).next());`),
    );
    assert.deepEqual(told(rooms), ['table is set up', 1, 'table1', 2]);
  });

  it('may ask for more in turn', () => {
    const rooms = withRooms(
      inOneScope(`
        ${made('code')}
        const picture = () => code;
        class Panel { show() { return __onDemand('qr.js', () => ({ picture })).picture(); } }
        tell('the page is there');
        tell(new (__onDemand('panel.js', () => ({ Panel })).Panel)().show());`),
    );
    assert.deepEqual(told(rooms), ['the page is there', 'code is set up', 'code']);
  });

  it('is not held back by a variable of the same name elsewhere', () => {
    const rooms = withRooms(
      inOneScope(`
        ${made('Session')}
        const open = ({ Session }) => { const again = Session; return again; };
        tell('the page is there');
        tell(open(__onDemand('session.js', () => ({ Session: Session }))));`),
    );
    assert.deepEqual(told(rooms), ['the page is there', 'Session is set up', 'Session']);
  });

  it('is no more than before where only functions would wait', () => {
    const rooms = withRooms(
      inOneScope(`
        const words = () => 'hola';
        tell(__onDemand('es.js', () => ({ words: words })).words());`),
    );
    assert.deepEqual(told(rooms), ['hola']);
    assert.doesNotMatch(rooms, /room/);
  });
});

describe('arrows in the outermost scope', () => {
  it('become functions, which do the same', () => {
    const code = inOneScope(`
      const sum = (one, other = 1) => one + other, pair = (one) => ({ one }), first = ([one]) => { return one; };
      const later = async (one) => (await one) + 1;
      tell(sum(1)); tell(pair(2).one); tell(first([3])); tell([4].map((each) => each)[0]); tell(sum.name);
      tell(later.constructor.name);`);
    const quick = withLazyFunctions(code);
    assert.deepEqual(told(quick), told(code));
    assert.doesNotMatch(quick, /=>/);
  });

  it('stay where they share `this` or `arguments` with what is around them', () => {
    const code = inOneScope('const own = () => this.name, given = () => arguments[0], plain = () => 1;');
    assert.match(withLazyFunctions(code), /=> this\.name.*=> arguments\[0\].*function\(\)\{return 1\}/);
  });
});

describe('prepared templates', () => {
  it('say where the bindings are, as the browser will count', () => {
    assert.deepEqual(prepare(['<p class=', ' @click=', '><b>', '</b></p><input ?disabled=', '>']), {
      markup: '<p><b><?></b></p><input>',
      bindings: ['0class', '0@click', '2', '3?disabled'],
    });
    assert.deepEqual(prepare(['<svg viewBox=', '><path d=', '></path></svg>']), {
      markup: '<svg><path></path></svg>',
      bindings: ['0viewBox', '1d'],
    });
  });

  it('refuse what the script tag could not render', () => {
    for (const strings of [
      ['<input .value=', '>'],
      ['<p class="one ', '"></p>'],
      ['<p ', '></p>'],
      ['<!-- ', ' -->'],
      ['<style>', '</style>'],
    ])
      assert.throws(() => prepare(strings), /the script tag knows/i, strings.join('…'));
  });

  it('stand inside each other, each made when it is first shown', () => {
    const code = prepareTemplates(
      'export const list = (all) => html`<ul>${all.map((one) => html`<li>${one}</li>`)}</ul>`;',
    );
    assert.equal(code.match(/prepared\(/g)?.length, 2);
    assert.match(code, /prepared\("<ul><\?><\/ul>", "1"\)/);
    assert.match(code, /prepared\("<li><\?><\/li>", "1"\)/);
    assert.doesNotMatch(code, /html`/);
  });
});
