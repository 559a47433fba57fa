// The shell of every release of the shop: HTTP, /metrics, /healthz and a JSON log. What it sells is in app.mjs beside it.
//   PORT=8080 LOG_FILE=/var/log/shop.log node server.mjs
import { createWriteStream, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { routes } from './app.mjs';

const { name, version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const logFile = createWriteStream(process.env.LOG_FILE, { flags: 'a' });
const log = (level, message, more) =>
  logFile.write(
    `${JSON.stringify({ time: new Date().toISOString(), level, service: name, version, msg: message, ...more })}\n`,
  );

const startedAt = Date.now() / 1000;
const bounds = [0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.3, 0.45, 0.7, 1, 2.5];
const buckets = bounds.map(() => 0);
const requests = new Map();
let [seconds, count] = [0, 0];

function observe(code, elapsed) {
  requests.set(code, (requests.get(code) ?? 0) + 1);
  for (const [index, bound] of bounds.entries()) if (elapsed <= bound) buckets[index]++;
  seconds += elapsed;
  count++;
}

function exposition() {
  const duration = 'http_request_duration_seconds';
  return [
    '# TYPE http_requests_total counter',
    ...[...requests].map(([code, total]) => `http_requests_total{code="${code}",version="${version}"} ${total}`),
    `# TYPE ${duration} histogram`,
    ...bounds.map((bound, index) => `${duration}_bucket{version="${version}",le="${bound}"} ${buckets[index]}`),
    `${duration}_bucket{version="${version}",le="+Inf"} ${count}`,
    `${duration}_sum{version="${version}"} ${seconds}`,
    `${duration}_count{version="${version}"} ${count}`,
    '# TYPE process_start_time_seconds gauge',
    `process_start_time_seconds ${startedAt}`,
    '',
  ].join('\n');
}

async function answer(url) {
  const [, first] = url.pathname.split('/');
  const route = routes[first];
  if (route === undefined) return [404, { error: 'no such page' }];
  try {
    return [200, await route(url)];
  } catch (error) {
    // An error that carries a status was meant for the client; any other is a bug, and its stack is what finds it.
    if (error.status === undefined)
      log('error', error.message, { type: error.name, path: url.pathname, stack: error.stack });
    else log('warn', error.message, { status: error.status, path: url.pathname });
    return [error.status ?? 500, { error: 'the request could not be served' }];
  }
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://shop');
  if (url.pathname === '/healthz') return response.end('ok\n');
  if (url.pathname === '/metrics')
    return response.setHeader('content-type', 'text/plain; version=0.0.4').end(exposition());
  const began = performance.now();
  const [code, body] = await answer(url);
  observe(code, (performance.now() - began) / 1000);
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});

function listen(triesLeft) {
  // The port of the release before may need a moment to be free.
  server.once('error', (error) => {
    if (error.code !== 'EADDRINUSE' || triesLeft === 0) throw error;
    setTimeout(listen, 50, triesLeft - 1);
  });
  server.listen(Number(process.env.PORT), '127.0.0.1');
}
server.on('listening', () => log('info', 'listening', { port: server.address().port }));
listen(100);
// A well service says so now and then: one that has fallen silent may be dead, and the watch does not call that recovery.
setInterval(() => log('info', 'serving', { requests: count }), 2_000).unref();

process.on('SIGTERM', () => {
  log('info', 'stopping');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), 500).unref();
});
