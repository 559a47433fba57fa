// Asks the cart service, over connections that are kept.
import { Agent, get } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** GET, parsed. Rejects with a 502 when cart does not answer well. */
export function askCart(path) {
  return new Promise((resolve, reject) => {
    const fail = () => reject(Object.assign(new Error('cart did not answer'), { status: 502 }));
    const request = get(`${process.env.CART_URL}${path}`, { agent, timeout: 2_000 }, async (response) => {
      try {
        const chunks = await response.toArray();
        if (response.statusCode !== 200) return fail();
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      } catch {
        fail();
      }
    });
    request.on('timeout', () => request.destroy());
    request.on('error', fail);
  });
}
