import assert from 'node:assert/strict';
import type { Sandbox } from '../../../src/sandbox/index.js';

/** The client of the sandbox in these tests: a till's software, and how it names itself to Rulrr. */
export const client = { clientId: 'pos', clientSecret: 'pos-secret' };
export const base = 'https://rulrr.example';
export const credentials = { client_id: client.clientId, client_secret: client.clientSecret };

/** Asks the sandbox in the process; `body` goes as JSON. */
export function call(
  sandbox: Sandbox,
  method: string,
  path: string,
  query: Record<string, string> = {},
  body?: unknown,
) {
  const url = `${base}${path}?${new URLSearchParams(query)}`;
  const headers = body === undefined ? undefined : { 'Content-Type': 'application/json' };
  return sandbox.fetch(
    new Request(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }),
  );
}

export async function answer(sandbox: Sandbox, ...rest: [string, string, Record<string, string>?, unknown?]) {
  const response = await call(sandbox, ...rest);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Starts a session, and answers with its token. */
export async function started(sandbox: Sandbox): Promise<string> {
  const { body } = await answer(sandbox, 'POST', '/v1/auth/integration', credentials);
  return String(body['integrationToken']);
}

/** Walks the connect page by its forms, as a browser without scripts would. */
export async function walk(
  sandbox: Sandbox,
  token: string,
  end: 'finish' | 'cancel',
  ereceipt = 'on',
): Promise<string> {
  let html = '';
  const post = async (fields: Record<string, string>) => {
    const form = new URLSearchParams({ integration_token: token, client_id: client.clientId, ...fields });
    const response = await sandbox.fetch(new Request(`${base}/connect/`, { method: 'POST', body: form }));
    assert.equal(response.status, 303);
    const next = await sandbox.fetch(new Request(new URL(response.headers.get('Location')!, base)));
    html = await next.text();
  };
  if (end === 'cancel') await post({ step: '1', action: 'cancel' });
  else {
    await post({ step: '1', action: 'next' });
    assert.match(html, /data-ereceipt="on"/);
    await post({ step: '2', action: 'next', ereceipt });
    assert.match(html, /data-action="finish"/);
    await post({ step: '3', action: 'finish' });
  }
  return html;
}

/** Connects a store through the whole story, and answers with its tokens. */
export async function connected(sandbox: Sandbox, ereceipt = 'on'): Promise<Record<string, string>> {
  const token = await started(sandbox);
  await walk(sandbox, token, 'finish', ereceipt);
  const { body } = await answer(sandbox, 'GET', '/v1/auth/integration/token', {
    ...credentials,
    integration_token: token,
  });
  return body as Record<string, string>;
}
