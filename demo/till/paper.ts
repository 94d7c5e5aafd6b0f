/** A receipt that was printed. */
export interface Printed {
  orderId: string;
  reason: string;
}

const key = 'rulrr-demo-printed';

/** What this tab has printed, oldest first: paper stays on the counter when the page is loaded again. */
export function printed(): Printed[] {
  return JSON.parse(sessionStorage.getItem(key) ?? '[]') as Printed[];
}

export function remember(orderId: string, reason: string): void {
  sessionStorage.setItem(key, JSON.stringify([...printed(), { orderId, reason }]));
}
