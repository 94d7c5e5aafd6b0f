// A real Chromium 70, as tills that stopped updating in 2018 run it. The npm package chrome-aws-lambda 1.7.0 carries one; it is fetched into .cache
// and unpacked there, and is no dependency of anything. Newer drivers refuse so old a browser, so this speaks the DevTools protocol itself.
import { spawn, spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { WebSocket } from 'ws';
import { root } from '../../.config/install.mjs';

const version = '70.0.3508.0';
const folder = join(root, '.cache', 'chromium-70');
const binary = join(folder, 'chromium');

/** The path of the browser; downloads it first if it is not there. */
export async function ensureChromium70() {
  if (existsSync(binary)) return binary;
  console.log('Fetching Chromium 70 (34 MB, once) …');
  mkdirSync(folder, { recursive: true });
  const pack = spawnSync('npm', ['pack', 'chrome-aws-lambda@1.7.0', '--silent', '--pack-destination', folder], {
    cwd: folder,
    encoding: 'utf8',
  });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (pack.status !== 0 || !tarball) throw new Error(`chrome-aws-lambda@1.7.0 could not be fetched: ${pack.stderr}`);
  const tar = spawnSync('tar', ['xzf', tarball], { cwd: folder, encoding: 'utf8' });
  if (tar.status !== 0) throw new Error(`the package could not be unpacked: ${tar.stderr}`);
  const packed = join(folder, 'package/bin', `chromium-${version}.br`);
  await pipeline(
    createReadStream(packed),
    createBrotliDecompress(),
    createWriteStream(`${binary}.part`, { mode: 0o755 }),
  );
  renameSync(`${binary}.part`, binary);
  rmSync(join(folder, 'package'), { recursive: true, force: true });
  rmSync(join(folder, tarball), { force: true });
  return binary;
}

/** On Debian, as root, installs the one library that a slim system lacks. */
export function ensureLibraries() {
  const missing = () => /not found/.test(String(spawnSync('ldd', [binary], { encoding: 'utf8' }).stdout));
  if (!missing() || !existsSync('/etc/debian_version') || process.getuid?.() !== 0) return;
  console.log('Installing from Debian: libnss3 …');
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'ignore' };
  spawnSync('apt-get', ['update', '-qq'], options);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'libnss3'], options);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is truthy; names what was waited for if it never is. */
export async function until(what, ask, limitMs = 20_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await pause(50);
  }
}

/** Starts the browser on one page and answers with what a user and an onlooker can do there. */
export async function openChromium70() {
  await ensureChromium70();
  ensureLibraries();
  const profile = join(folder, `profile-${process.pid}`);
  const child = spawn(
    binary,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--single-process',
      '--no-zygote',
      '--disable-dev-shm-usage',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      '--window-size=1024,768',
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  const port = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Chromium 70 did not start:\n${log}`)), 30_000);
    child.stderr.on('data', (text) => {
      log += text;
      const match = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(log);
      if (!match) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    });
    child.on('exit', () => reject(new Error(`Chromium 70 ended before it began:\n${log}`)));
  });
  const targets = await until('a page', async () => {
    const list = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    return list.find(({ type }) => type === 'page');
  });
  const socket = new WebSocket(targets.webSocketDebuggerUrl, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));

  let lastId = 0;
  const waiting = new Map();
  const contexts = new Map();
  const problems = [];
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(data);
    if (id) {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error) reject(new Error(error.message));
      else resolve(result);
    } else if (method === 'Runtime.executionContextCreated' && params.context.auxData?.isDefault) {
      contexts.set(params.context.auxData.frameId, params.context.id);
    } else if (method === 'Runtime.executionContextDestroyed') {
      for (const [frame, context] of contexts) if (context === params.executionContextId) contexts.delete(frame);
    } else if (method === 'Runtime.exceptionThrown') {
      const { exceptionDetails: details } = params;
      problems.push(`${details.text} ${details.exception?.description ?? ''}`);
    } else if (method === 'Log.entryAdded' && params.entry.level === 'error') {
      problems.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    }
  });
  const send = (method, params = {}) =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      socket.send(JSON.stringify({ id: lastId, method, params }));
    });
  for (const domain of ['Page', 'Runtime', 'Log']) await send(`${domain}.enable`);

  async function frameTree() {
    const { frameTree: tree } = await send('Page.getFrameTree');
    return { main: tree.frame.id, children: (tree.childFrames ?? []).map(({ frame }) => frame) };
  }

  /** Runs `function (...args)` in the page, or in its first inner frame. */
  async function evaluate(work, args = [], inner = false) {
    const tree = await frameTree();
    const frame = inner ? tree.children[0]?.id : tree.main;
    const contextId = frame && contexts.get(frame);
    if (!contextId) return undefined;
    // A frame that goes to its next page takes its context along: there is no answer then, as before it was there.
    const gone = (error) => (/context/.test(error.message) ? {} : Promise.reject(error));
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression: `(${work})(...${JSON.stringify(args)})`,
      contextId,
      awaitPromise: true,
      returnByValue: true,
    }).catch(gone);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result?.value;
  }

  /** The middle of an element, looked for through shadow roots, once it is there, still, and on top; null until then. */
  const middle = (selectors) => {
    let rootNode = document;
    let element = null;
    for (const selector of selectors) {
      element = rootNode.querySelector(selector);
      if (!element) return null;
      rootNode = element.shadowRoot || element;
    }
    if (element.disabled) return null;
    element.scrollIntoView({ block: 'center' });
    const box = element.getBoundingClientRect();
    return box.width && box.height ? { x: box.left + box.width / 2, y: box.top + box.height / 2 } : null;
  };

  /** The first of these that is shown and was not answered with before, and its middle. */
  const firstOf = (candidates) => {
    const pressed = window.pressed || (window.pressed = []);
    for (const selector of candidates) {
      const element = document.querySelector(selector);
      if (!element || element.disabled || pressed.indexOf(element) >= 0) continue;
      element.scrollIntoView({ block: 'center' });
      const box = element.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      pressed.push(element);
      return { selector, x: box.left + box.width / 2, y: box.top + box.height / 2 };
    }
    return null;
  };

  async function click({ x, y }) {
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) {
      await send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
    }
  }

  return {
    problems,
    send,
    evaluate,
    goto: (url) => send('Page.navigate', { url }),
    version: async () => (await send('Browser.getVersion')).product,
    /** Presses an element of the page: selectors through shadow roots, from the outside in. */
    async tap(...selectors) {
      await click(await until(selectors.join(' '), () => evaluate(middle, [selectors])));
    },
    /**
     * Presses an element inside the frame that `frameSelectors` find, by coordinates, as a finger does: the first of `candidates` that is shown and
     * was not pressed in this document. Answers with its selector. A document that was left stays there until the next one has come,
     * so what to press and where must be one question, and no button of it may be pressed again.
     */
    async tapInFrame(frameSelectors, ...candidates) {
      const { selector, ...inside } = await until(`${candidates.join(' or ')} in the frame`, () =>
        evaluate(firstOf, [candidates], true),
      );
      const offset = await evaluate(
        (selectors) => {
          let rootNode = document;
          let element = null;
          for (const name of selectors) {
            element = rootNode.querySelector(name);
            rootNode = element.shadowRoot || element;
          }
          const box = element.getBoundingClientRect();
          return { x: box.left + element.clientLeft, y: box.top + element.clientTop };
        },
        [frameSelectors],
      );
      await click({ x: inside.x + offset.x, y: inside.y + offset.y });
      return selector;
    },
    async close() {
      const ended = child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : Promise.resolve();
      socket.close();
      child.kill('SIGKILL');
      await ended;
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
