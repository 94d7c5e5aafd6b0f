// A second origin for browser tests: frames must be cross-origin, as Rulrr's connect page is.
// Test pages find its origin at `/frame-origin.json`. Its pages are small and take what they do from the query.
import { createServer } from 'node:http';

/** A web-test-runner plugin that starts and ends with the run. */
export function frameServer() {
  const hits = new Map();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const name = url.searchParams.get('name') ?? url.pathname;
    if (url.pathname === '/hits') {
      response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'application/json' });
      response.end(JSON.stringify(hits.get(name) ?? 0));
      return;
    }
    hits.set(name, (hits.get(name) ?? 0) + 1);
    if (url.pathname === '/hang') return;
    if (url.pathname === '/reset') return request.socket.destroy();
    const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' };
    if (url.pathname === '/coop') headers['Cross-Origin-Opener-Policy'] = 'same-origin';
    if (url.pathname === '/refuses') headers['X-Frame-Options'] = 'DENY';
    const picture =
      url.pathname === '/picture' ? `<img src="/hang?name=picture-${encodeURIComponent(name)}" alt="">` : '';
    response.writeHead(200, headers);
    response.end(`<!doctype html><title>Connect page</title><p>Connect page</p>${picture}<a id="next" href="?name=${encodeURIComponent(name)}&step=2">Next</a>
<script>
  const params = new URLSearchParams(location.search);
  if (params.has('message') || location.pathname === '/message') parent.postMessage(params.get('message') || 'finished', '*');
  if (params.has('hops')) { const n = Number(params.get('hops')); if (n > 0) setTimeout(() => { params.set('hops', n - 1); location.search = params; }, 50); }
</script>`);
  });
  let origin;
  return {
    name: 'frame-server',
    async serverStart() {
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      origin = `http://127.0.0.1:${server.address().port}`;
    },
    serverStop() {
      server.closeAllConnections();
      server.close();
    },
    serve(context) {
      if (context.path === '/frame-origin.json') return { body: JSON.stringify({ origin }), type: 'json' };
    },
  };
}
