/** `Retry-After` in milliseconds (RFC 9110 §10.2.3: seconds or an HTTP date), within 1 to 60 s; 0 where there is none. */
export function retryAfterMs(header: string | null, now: number): number {
  if (!header) return 0;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : +new Date(header) - now;
  return ms === ms ? Math.min(60_000, Math.max(1000, ms)) : 0;
}
