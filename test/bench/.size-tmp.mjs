import { weigh } from './support/bundle.mjs';
import { brotli } from './support/bundle.mjs';
import { readFileSync } from 'node:fs';
const ext=['lit','lit/*','@lit/*','lit-html','lit-html/*','@lit/reactive-element','libphonenumber-js','libphonenumber-js/*','lean-qr','lean-qr/*'];
const e=`import '/tmp/wt/connect/dist/define/rulrr-connect.js';`;
const a=await weigh(e), b=await weigh(e,{external:ext});
console.log('with lit',a.first,'own',b.first, JSON.stringify(b.later));
const all=await weigh(`import '/tmp/wt/connect/dist/define/rulrr-connect.js';import '/tmp/wt/connect/dist/connect/connect-session.js';import '/tmp/wt/connect/dist/connect/qr.js'`,{external:ext});
console.log('own with session, one piece',all.first,'raw',all.text.length,'script tag', brotli(readFileSync('/tmp/wt/connect/dist/rulrr-embed.iife.js')));
