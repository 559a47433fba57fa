// Prices, remembered once they were asked for. Few may be asked for at once: cart must not drown in a cold start.
import { askCart } from './cart-client.mjs';

const known = new Map();
const loading = new Map();
const atOnce = 3;

/** The price of a product in cents. Rejects with a 503 while too many others are being loaded. */
export function priceOf(product) {
  const price = known.get(product);
  if (price !== undefined) return price;
  if (!loading.has(product)) {
    if (loading.size >= atOnce) throw Object.assign(new Error('the price is not loaded yet'), { status: 503 });
    loading.set(product, load(product));
  }
  return loading.get(product);
}

async function load(product) {
  try {
    const { cents } = await askCart(`/prices/${product}`);
    known.set(product, cents);
    return cents;
  } finally {
    loading.delete(product);
  }
}
