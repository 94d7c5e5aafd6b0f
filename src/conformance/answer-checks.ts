import { problemCodes } from '../shared/wire.js';
import { demand, describe, field, Skip, type Exchange } from './probe.js';
import type { Checks } from './story.js';

const secretNames = /"(access_?token|refresh_?token|client_?secret|integration_?token|sealing_?keys?|id_?token)"\s*:/i;

/** A secret as it is, and as it looks in a URL, in JSON, in base64 and in hex. */
function spellings(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const base64 = btoa(String.fromCharCode(...bytes)).replace(/=+$/, '');
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const url = encodeURIComponent(secret);
  return [
    secret,
    url,
    JSON.stringify(secret).slice(1, -1),
    base64,
    base64.replace(/\+/g, '-').replace(/\//g, '_'),
    hex,
  ];
}

const whole = ({ headers, text }: Exchange) =>
  [...headers].map(([name, value]) => `${name}: ${value}`).join('\n') + text;

/** What must hold for every answer that the other checks got. */
export const answerChecks = {
  async 'no-store'(probe) {
    for (const exchange of probe.exchanges) {
      const value = exchange.headers.get('Cache-Control') ?? '';
      const parts = value
        .toLowerCase()
        .split(',')
        .map((part) => part.trim());
      demand(
        parts.includes('no-store') && !parts.includes('public'),
        `${describe(exchange)} with ${value ? `Cache-Control: ${value}` : 'no Cache-Control'}.`,
      );
    }
  },
  async 'problem-json'(probe) {
    for (const exchange of probe.exchanges) {
      const { status, headers, json } = exchange;
      demand(status < 300 || status >= 400, `${describe(exchange)}: the contract has no redirects.`);
      if (status < 400) continue;
      const type = headers.get('Content-Type') ?? '';
      demand(/^application\/problem\+json\b/i.test(type), `${describe(exchange)} as "${type}".`);
      const code = field(json, 'code');
      demand(
        (problemCodes as readonly unknown[]).includes(code),
        `${describe(exchange)} with a "code" outside the list.`,
      );
      demand(field(json, 'status') === status, `${describe(exchange)} with another "status" in the body.`);
      const wait = headers.get('Retry-After');
      demand(
        wait === null || /^\d+$/.test(wait),
        `${describe(exchange)} with a Retry-After that is no whole number of seconds.`,
      );
      const words = [field(json, 'type'), field(json, 'title')];
      demand(
        words.every((word) => typeof word === 'string' && word),
        `${describe(exchange)} without "type" or "title".`,
      );
      const said = `${words[1]} ${field(json, 'detail')}`;
      demand(
        !exchange.unquotable.some((text) => said.includes(text)),
        `${describe(exchange)} with words that quote the request.`,
      );
    }
  },
  async 'no-secrets'(probe) {
    const given = probe.options.canaries ?? [];
    const canaries = given.filter((canary) => canary.length >= 6).flatMap(spellings);
    for (const exchange of probe.exchanges) {
      const text = whole(exchange);
      const name = secretNames.exec(exchange.text)?.[1];
      demand(!name, `${describe(exchange)} with a field "${name}".`);
      demand(!/[?&]client_secret=/.test(text), `${describe(exchange)} with an address that holds client_secret.`);
      demand(
        !probe.options.sandbox || !/\b(at|rt)_[0-9a-f]{32}/.test(text),
        `${describe(exchange)} with an access or refresh token of the sandbox.`,
      );
      // A number that was typed is nobody's to repeat.
      demand(
        exchange.status < 400 || !text.includes(probe.phoneNumber.slice(1)),
        `${describe(exchange)} and quotes the phone number.`,
      );
      demand(
        !canaries.some((canary) => text.includes(canary)),
        `${describe(exchange)} with a secret that was given to look for.`,
      );
    }
    if (given.some((canary) => canary.length < 6))
      throw new Skip('A secret that was given has fewer than 6 characters: it cannot be told from other text.');
  },
} satisfies Checks;
