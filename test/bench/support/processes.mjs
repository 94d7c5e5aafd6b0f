import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('proxy-servers.mjs', import.meta.url));

/** Starts one of proxy-servers.mjs; resolves with its origin and a way to end it. */
export async function startServer(kind, options = {}) {
  const child = spawn(process.execPath, [script, kind, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the ${kind} server ended with ${code}`)));
  });
  return { origin: `http://127.0.0.1:${port}`, stop: () => child.kill() };
}

/** Opens sessions at the kit's proxy and answers with the paths to poll. */
export async function openSessions(origin, count, store = () => 'bench-store') {
  const paths = [];
  // Few at once: sessions of one store all write that store's row, and compare-and-set makes them take turns.
  const together = 4;
  for (let from = 0; from < count; from += together) {
    const batch = Array.from({ length: Math.min(together, count - from) }, async (_, at) => {
      const response = await fetch(`${origin}/rulrr/integrations`, {
        method: 'POST',
        headers: { 'Rulrr-Embed': '1', Origin: origin, 'x-store': store(from + at) },
      });
      if (response.status !== 201)
        throw new Error(`POST /integrations answered ${response.status}: ${await response.text()}`);
      const { id } = await response.json();
      return `/rulrr/integrations/${id}`;
    });
    paths.push(...(await Promise.all(batch)));
  }
  return paths;
}
