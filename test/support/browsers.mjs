// Finds the three engines; on Debian, as root, installs what is missing. Elsewhere it uses what is installed and says what is not.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const candidates = {
  chromium: [
    process.env.CHROMIUM_PATH,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  ],
  firefox: [
    process.env.FIREFOX_PATH,
    '/usr/bin/firefox-esr',
    '/usr/bin/firefox',
    '/Applications/Firefox.app/Contents/MacOS/firefox',
    'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
  ],
  webkit: [process.env.WEBKIT_DRIVER_PATH, '/usr/bin/WebKitWebDriver'],
};
const packages = { chromium: ['chromium'], firefox: ['firefox-esr'], webkit: ['webkit2gtk-driver', 'xvfb', 'xauth'] };

/** As root, without a screen, and with no calls of its own to the outside. */
export const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const find = (engine) => candidates[engine].find((path) => path && existsSync(path));

function installOnDebian(wanted) {
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) return;
  const names = wanted
    .filter((engine) => !find(engine) || (engine === 'webkit' && !existsSync('/usr/bin/xvfb-run')))
    .flatMap((engine) => packages[engine]);
  if (!names.length) return;
  console.log(`Installing from Debian: ${names.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  spawnSync('apt-get', ['update', '-qq'], options);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], options);
}

/** MiniBrowser is not on the PATH: WebKit's package keeps it among its libraries. */
function miniBrowser() {
  const { stdout } = spawnSync('sh', [
    '-c',
    'ls /usr/lib/*/webkit2gtk-4.*/MiniBrowser /usr/libexec/webkit2gtk-4.*/MiniBrowser 2>/dev/null | head -1',
  ]);
  return String(stdout ?? '').trim();
}

export function ensureBrowsers(only) {
  const wanted = only ? [only] : ['chromium', 'firefox', 'webkit'];
  installOnDebian(wanted);
  const engines = [];
  const missing = [];
  for (const name of wanted) {
    const path = find(name);
    if (!path) {
      missing.push(name);
      continue;
    }
    const env = { RULRR_BROWSER_PATH: path };
    let wrap;
    if (name === 'webkit') {
      env.RULRR_MINIBROWSER = miniBrowser();
      if (!env.RULRR_MINIBROWSER) {
        missing.push(name);
        continue;
      }
      wrap = ['xvfb-run', '-a', '--server-args=-screen 0 1280x1024x24'];
    }
    engines.push({ name, env, wrap });
  }
  return { engines, missing };
}
