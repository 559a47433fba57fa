// The cart service: what each customer wants to buy, and what it costs. Checkout depends on it; nothing here ever changes.
import { setTimeout as sleep } from 'node:timers/promises';

const work = (fromMs, toMs) => sleep(fromMs + (toMs - fromMs) * Math.random());

// Seven of twenty customers are guests: they have an account without a loyalty programme.
function customerOf(id) {
  return id % 20 < 7 ? { id, guest: true } : { id, guest: false, loyalty: { discountRate: 0.05 } };
}

export const routes = {
  carts: async (url) => {
    const id = Number(url.pathname.split('/')[2]);
    await work(6, 14);
    const lines = [0, 1].map((n) => ({ product: (id * 7 + n * 31) % 160, quantity: 1 + n }));
    return { customer: customerOf(id), lines };
  },
  prices: async (url) => {
    const product = Number(url.pathname.split('/')[2]);
    await work(22, 38);
    return { product, cents: 500 + ((product * 7919) % 9500) };
  },
  'price-list': async () => {
    await work(4, 8);
    return { cents: Array.from({ length: 160 }, (_, product) => 500 + ((product * 7919) % 9500)) };
  },
};
