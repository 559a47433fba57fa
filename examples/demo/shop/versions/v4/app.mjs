// v4: guests check out faster, and cart is spared by a pool of leases.
import { askCart } from './cart-client.mjs';
import { createPool } from './pool.mjs';
import { priceOf } from './prices.mjs';

const pool = createPool({ size: 12, waitMs: 450, leaseMs: 1_500 });

export const routes = {
  checkout: async (url) => {
    const cart = await cartOf(url.searchParams.get('customer'));
    const costs = await Promise.all(cart.lines.map(async (line) => line.quantity * (await priceOf(line.product))));
    return { total: costs.reduce((sum, cents) => sum + cents, 0) };
  },
};

async function cartOf(customer) {
  const lease = await pool.acquire();
  const cart = await askCart(`/carts/${customer}`);
  // The bug: a guest's lease is never given back.
  if (cart.customer.guest) return cart;
  pool.release(lease);
  return cart;
}
