// Customers: so many requests a second at random moments, whatever the answers, until told to end.
//   node load.mjs URL PER_SECOND MOST_SECONDS
import { Agent, get } from 'node:http';

const [url, perSecond, mostSeconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const agent = new Agent({ keepAlive: true });
const mostAtOnce = 200;
let atOnce = 0;

function buy() {
  if (atOnce >= mostAtOnce) return;
  atOnce++;
  const customer = Math.floor(Math.random() * 400);
  const request = get(`${url}?customer=${customer}`, { agent, timeout: 3_000 }, (response) => response.resume());
  request.on('timeout', () => request.destroy());
  request.on('error', () => undefined);
  request.on('close', () => atOnce--);
}

// Arrivals of a Poisson process: the pauses between them are exponential.
function next() {
  buy();
  setTimeout(next, (-Math.log(1 - Math.random()) * 1_000) / perSecond);
}

setTimeout(() => process.exit(0), mostSeconds * 1_000);
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, () => process.exit(0));
process.stdin
  .on('end', () => process.exit(0))
  .on('error', () => process.exit(0))
  .resume();
next();
