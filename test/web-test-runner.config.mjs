// Called by test/run.mjs, once an engine: RULRR_ENGINE names it, RULRR_FILES lists the test files.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { esbuildPlugin } from '@web/dev-server-esbuild';
import { defaultReporter, summaryReporter } from '@web/test-runner';
import { chromiumFlags } from './support/browsers.mjs';
import { frameServer } from './support/frame-server.mjs';
import { freePort } from './support/listen.mjs';

const engine = process.env.RULRR_ENGINE ?? 'chromium';
const executable = process.env.RULRR_BROWSER_PATH;
const root = fileURLToPath(new URL('..', import.meta.url));

async function webkit() {
  const { webdriverLauncher } = await import('@web/test-runner-webdriver');
  const port = await freePort();
  const driver = spawn(executable, [`--port=${port}`], { stdio: 'ignore' });
  process.on('exit', () => driver.kill());
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/status`).then(
      () => true,
      () => false,
    );
  while (driver.exitCode === null && !(await answers())) await new Promise((resolve) => setTimeout(resolve, 20));
  return webdriverLauncher({
    automationProtocol: 'webdriver',
    hostname: '127.0.0.1',
    port,
    path: '/',
    logLevel: 'error',
    capabilities: {
      browserName: 'MiniBrowser',
      'wdio:enforceWebDriverClassic': true,
      'webkitgtk:browserOptions': { binary: process.env.RULRR_MINIBROWSER, args: ['--automation'] },
    },
  });
}

async function launcher() {
  if (engine === 'webkit') return webkit();
  if (engine === 'firefox') {
    const { puppeteerLauncher } = await import('@web/test-runner-puppeteer');
    return puppeteerLauncher({ launchOptions: { browser: 'firefox', executablePath: executable, headless: true } });
  }
  const { chromeLauncher } = await import('@web/test-runner-chrome');
  return chromeLauncher({
    launchOptions: {
      executablePath: executable,
      args: [...chromiumFlags, '--site-per-process'],
    },
  });
}

/** One line at the end that test/run.mjs adds up. */
const countReporter = () => ({
  stop({ sessions }) {
    const sum = { passed: 0, failed: 0, skipped: 0 };
    const walk = (suite) => {
      for (const test of suite?.tests ?? []) {
        if (test.skipped) sum.skipped += 1;
        else sum[test.passed ? 'passed' : 'failed'] += 1;
      }
      for (const inner of suite?.suites ?? []) walk(inner);
    };
    for (const session of sessions) {
      const before = sum.failed;
      walk(session.testResults);
      if (!session.passed && sum.failed === before) sum.failed += 1;
    }
    console.log(`RESULT ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  },
});

export default {
  rootDir: root,
  port: await freePort(),
  files: (process.env.RULRR_FILES ?? 'test/**/*.browser.test.ts').split('\n'),
  nodeResolve: { exportConditions: ['production', 'default'] },
  browsers: [await launcher()],
  // One page at a time: a page behind another gets no frames, and so no `close` event of a dialog; WebKit drives one window anyway.
  concurrency: 1,
  concurrentBrowsers: 1,
  testsStartTimeout: 60_000,
  testsFinishTimeout: 180_000,
  browserStartTimeout: 60_000,
  testFramework: { config: { timeout: 20_000, ui: 'bdd' } },
  plugins: [
    esbuildPlugin({
      ts: true,
      tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)),
      target: 'es2022',
    }),
    frameServer(),
  ],
  reporters: [
    defaultReporter({ reportTestResults: true, reportTestProgress: false }),
    summaryReporter(),
    countReporter(),
  ],
};
