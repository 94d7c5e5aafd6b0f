// Before `npm pack` and `npm publish`: a package without dist has nothing that could be imported.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dist } from './paths.mjs';

if (!existsSync(join(dist, 'index.js'))) {
  console.error('There is no dist yet, so the package would be empty. Build it first: npm run build');
  process.exit(1);
}
