// Runs test files in the order that they are given in, so many at once: `node --test` sorts them, and the longest may come last.
//
//   node --import tsx test/support/run-files.mjs 4 FILE …
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const [atOnce, ...files] = process.argv.slice(2);
run({ files, concurrency: Number(atOnce) })
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
