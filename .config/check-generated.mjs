// Fails if a generated file that is committed is not what its sources give now.
import { existsSync, readFileSync } from 'node:fs';
import { manifestNow, manifestPath, readmeNow, readmePath } from './generate.mjs';

let stale = false;

function compare(name, path, fresh) {
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (committed === fresh) {
    console.log(`${name} is fresh.`);
    return;
  }
  stale = true;
  const [have, want] = [committed.split('\n'), fresh.split('\n')];
  const at = want.findIndex((line, index) => line !== have[index]);
  console.error(
    `${name} is stale from line ${at + 1} on:\n  committed: ${have[at] ?? '(nothing)'}\n  sources:   ${want[at] ?? '(nothing)'}`,
  );
}

const manifest = await manifestNow();
compare('custom-elements.json', manifestPath, manifest);
const readme = await readmeNow(manifest);
if (readme) compare('README.md', readmePath, readme);
if (stale) {
  console.error('Run `npm run build && npm run generate` and commit the result.');
  process.exit(1);
}
