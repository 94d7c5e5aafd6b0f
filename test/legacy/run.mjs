// `npm run test:legacy`: the whole story in a real Chromium 70. Linux on x86-64 only, which is what that browser was built for.
import { spawnSync } from 'node:child_process';
import { ensureInstalled, root } from '../../.config/install.mjs';

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log('Chromium 70 is there for Linux on x86-64 only: skipped.');
  process.exit(0);
}
ensureInstalled();
const { ensureChromium70, ensureLibraries } = await import('./chromium70.mjs');
await ensureChromium70();
ensureLibraries();
if (!process.argv.includes('--no-build')) {
  const build = spawnSync(process.execPath, ['.config/build.mjs'], { cwd: root, stdio: 'inherit' });
  if (build.status !== 0) process.exit(1);
}
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', 'test/legacy/story.legacy.mjs'], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
