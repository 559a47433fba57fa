// The cart service: what each customer wants to buy, and what it costs. Checkout depends on it; nothing here ever changes.
import { setTimeout as sleep } from 'node:timers/promises';

const products = 160;
const priceOf = (product) => 500 + ((product * 7919) % 9500);
// What a look into a database takes.
const work = () => sleep(6 + 8 * Math.random());

// Seven of twenty customers are guests: they have an account without a loyalty programme.
function customerOf(id) {
  return id % 20 < 7 ? { id, guest: true } : { id, guest: false, loyalty: { discountRate: 0.05 } };
}

export const routes = {
  carts: async (url) => {
    const id = Number(url.pathname.split('/')[2]);
    await work();
    const lines = [0, 1].map((n) => ({ product: (id * 7 + n * 31) % products, quantity: 1 + n }));
    return { customer: customerOf(id), lines };
  },
  prices: async (url) => {
    const product = Number(url.pathname.split('/')[2]);
    await work();
    return { product, cents: priceOf(product) };
  },
  'price-list': async () => {
    await work();
    return { cents: Array.from({ length: products }, (_, product) => priceOf(product)) };
  },
};
