export interface Item {
  name: string;
  quantity: number;
  /** In cents. */
  price: number;
}

export interface Order {
  orderId: string;
  items: Item[];
}

const goods: [string, number][] = [
  ['Sourdough loaf', 650],
  ['Butter croissant', 375],
  ['Cinnamon roll', 425],
  ['Flat white', 450],
  ['Rye rolls, half a dozen', 480],
  ['Lemon tart', 525],
  ['Orange juice', 390],
];

/** What this customer buys: made from the order's number, which the page keeps over a reload, so that it shows the same order. */
export function orderOf(orderId: string): Order {
  const seed = Number(orderId) || 0;
  const items = [0, 2, 5].map((offset, at) => {
    const [name, price] = goods[(seed * 3 + offset) % goods.length]!;
    return { name, price, quantity: at === 0 ? 1 + (seed % 3) : 1 };
  });
  return { orderId, items };
}

export const totalOf = ({ items }: Order) => items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);

const dollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
export const money = (cents: number) => dollars.format(cents / 100);
