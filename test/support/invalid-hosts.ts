import dns from 'node:dns';
import type { TestContext } from 'node:test';

/** Has no host below `.invalid` be found, as everywhere, but without asking the network, which may be slow, or not there. */
export function withoutInvalidHosts({ mock }: Pick<TestContext, 'mock'>): void {
  const lookup: (...args: unknown[]) => void = dns.lookup as never;
  mock.method(dns, 'lookup', (hostname: string, options: object, callback: (error: Error) => void) => {
    if (!hostname.endsWith('.invalid')) return lookup(hostname, options, callback);
    const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
    setImmediate(callback, Object.assign(error, { code: 'ENOTFOUND', errno: -3008, syscall: 'getaddrinfo', hostname }));
  });
}
