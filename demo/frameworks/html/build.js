// No bundler: the page and the script tag, side by side.
import { cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';

mkdirSync('dist', { recursive: true });
cpSync('index.html', 'dist/index.html');
cpSync(createRequire(import.meta.url).resolve('rulrr-embed/rulrr-embed.iife.js'), 'dist/rulrr-embed.iife.js');
