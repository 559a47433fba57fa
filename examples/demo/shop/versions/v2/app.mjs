// v2: keeps prices in memory instead of fetching the list for every order. The memory is empty after a start.
import { askCart } from './cart-client.mjs';
import { priceOf } from './prices.mjs';

export const routes = {
  checkout: async (url) => {
    const cart = await askCart(`/carts/${url.searchParams.get('customer')}`);
    const costs = await Promise.all(cart.lines.map(async (line) => line.quantity * (await priceOf(line.product))));
    return { total: costs.reduce((sum, cents) => sum + cents, 0) };
  },
};
