import { existsSync, readFileSync, readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { build, type Plugin, type Rolldown } from 'vite';
import { pathOf, type Handler } from './controls.js';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

export interface Site {
  files: Map<string, { type: string; body: Buffer }>;
  policy: string;
}

/**
 * package.json names the modules with side effects by their built paths. Here they come from the sources, where nobody says that
 * registering an element is one, and the bundler would drop them.
 */
const registering: Plugin = {
  name: 'registering',
  transform: (code, id) => (/\/src\/define\b/.test(id) ? { code, map: null, moduleSideEffects: true } : null),
};

/** Bundles the demo's pages as a POS vendor's own build would, and keeps them in memory. */
export async function buildSite(root: string, frameOrigins: string[]): Promise<Site> {
  const pages = readdirSync(join(root, 'demo')).filter((name) => name.endsWith('.html') && name !== 'legacy.html');
  const built = await build({
    root: join(root, 'demo'),
    configFile: false,
    logLevel: 'error',
    // Dark and light, dialogs, grids: the demo itself is for today's browsers. The script tag has a page of its own.
    build: {
      // Nothing is written: another demo may build beside this one, and the folder may be somebody else's.
      write: false,
      modulePreload: { polyfill: false },
      // An inlined script or font would need a hole in the page's policy.
      assetsInlineLimit: 0,
      rolldownOptions: { input: pages.map((name) => join(root, 'demo', name)) },
    },
    plugins: [registering],
  });
  const files: Site['files'] = new Map();
  for (const one of (built as Rolldown.RolldownOutput).output) {
    const body = Buffer.from(one.type === 'chunk' ? one.code : one.source);
    files.set(`/${one.fileName}`, { type: types[extname(one.fileName)] ?? 'application/octet-stream', body });
  }
  addOldTill(root, files);
  addForPlaying(root, files);
  return { files, policy: policyFor(frameOrigins) };
}

/** The page for old tills is served as it stands, with the script tag, once that is built (`npm run build`). */
function addOldTill(root: string, files: Site['files']): void {
  const scriptTag = join(root, 'dist/rulrr-embed.iife.js');
  if (!existsSync(scriptTag)) return;
  files.set('/rulrr-embed.iife.js', { type: types['.js']!, body: readFileSync(scriptTag) });
  for (const name of ['legacy.html', 'legacy.js', 'legacy.css']) {
    const file = join(root, 'demo', name);
    if (existsSync(file)) files.set(`/${name}`, { type: types[extname(name)]!, body: readFileSync(file) });
  }
}

/** What the playground reads: the manifest, and the themes as they stand. */
function addForPlaying(root: string, files: Site['files']): void {
  const json = (value: unknown) => ({ type: types['.json']!, body: Buffer.from(JSON.stringify(value)) });
  files.set('/custom-elements.json', { type: types['.json']!, body: readFileSync(join(root, 'custom-elements.json')) });
  const themes = readdirSync(join(root, 'demo/themes')).filter((name) => name.endsWith('.css'));
  for (const name of themes)
    files.set(`/themes/${name}`, { type: types['.css']!, body: readFileSync(join(root, 'demo/themes', name)) });
  files.set('/site.json', json({ themes: themes.map((name) => name.slice(0, -4)) }));
}

/** The policy that the README recommends: nothing but the page's own files, and the connect page's origin in frames: here two, since the gallery has one of its own. */
function policyFor(frameOrigins: string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    `frame-src ${frameOrigins.join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

/** Asks each handler in turn, then the site's files. */
export function siteHandler(
  site: Site,
  handlers: Handler[],
): (request: IncomingMessage, response: ServerResponse) => void {
  const files = (request: IncomingMessage, response: ServerResponse) => {
    const pathname = pathOf(request);
    // `/playground` is `playground.html`.
    const file = site.files.get(pathname === '/' ? '/index.html' : pathname) ?? site.files.get(`${pathname}.html`);
    if (!file || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Not found.\n');
      return;
    }
    response.writeHead(200, {
      'Content-Type': file.type,
      'Cache-Control': pathname.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
      'Content-Security-Policy': site.policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'strict-origin-when-cross-origin',
    });
    response.end(request.method === 'HEAD' ? undefined : file.body);
  };
  return (request, response) => {
    let at = 0;
    const next = () => {
      const handler = handlers[at++];
      if (handler) handler(request, response, next);
      else files(request, response);
    };
    next();
  };
}
