// `npm start`: installs what it needs, then starts the sandbox, the proxy and the till, and prints one URL.
// Plain JavaScript on Node's own modules, since it runs before anything is installed.
import { ensureInstalled } from '../.config/install.mjs';

ensureInstalled();
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('./server/main.ts');
await main();
