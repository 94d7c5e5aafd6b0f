#!/usr/bin/env node
// Nothing but the look at Node itself: what follows would fail on an old one with words that tell nobody why, or hang. So this file
// imports nothing before it has looked, and is written in what such a Node reads.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 20 || (major === 20 && minor >= 19)) {
  void import('./program.js').then(({ run }) => run());
} else {
  console.error(
    `rulrr-embed needs Node 20.19 or newer; this is ${process.version}. Install one from https://nodejs.org.`,
  );
  process.exitCode = 1;
}
export {};
