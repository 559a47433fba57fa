import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

import type { Alert } from '../../src/domain/alert.ts';
import { readFiles } from '../../src/io/index.ts';
import { verifyExport } from '../../src/ledger/index.ts';
import { freePort, serve, startAlertmanager, startPrometheus, until } from './peers/peers.ts';
import { makeHome, startDaemon } from './support/daemon.ts';
import { document } from './support/shop.ts';

const rules = `
groups:
  - name: shop
    rules:
      - alert: ShopErrors
        expr: sum(rate(requests_total{code="500"}[5s])) / sum(rate(requests_total[5s])) > 0.2
        for: 1s
        labels: { service: shop, severity: critical }
        annotations: { summary: 'one request in three fails' }
`;
const errors = 'sum(rate(requests_total{code="500"}[5s])) / sum(rate(requests_total[5s]))';

const cleanup: (() => unknown)[] = [];
afterAll(async () => {
  for (const undo of cleanup.reverse()) await undo();
});

test("a rule's alert arrives through Alertmanager, is grouped with our own finding, and resolves with it", async () => {
  const shop = await startShop();
  const home = makeHome();
  cleanup.push(() => home.remove());
  const port = await freePort();
  const tokenFile = home.write('alertmanager-token', 'token-of-alertmanager');
  home.write('person-token', 'token-of-a-person');
  const alertmanager = await startAlertmanager(`http://127.0.0.1:${port}/api/v1/webhooks/alertmanager`, tokenFile);
  cleanup.push(() => alertmanager.stop());
  const prometheus = await startPrometheus([shop.url], rules, alertmanager.url);
  cleanup.push(() => prometheus.stop());
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources' },
    sources: [{ id: 'prom', kind: 'prometheus', url: prometheus.url, interval: '1s' }],
    http: {
      tokens: [
        { name: 'alertmanager', file: tokenFile, role: 'reporter' },
        { name: 'person', file: path.join(home.folder, 'person-token'), role: 'admin' },
      ],
    },
    incidents: { grace: '2s', patience: '2s' },
  });
  home.write(
    'resources/shop.yaml',
    document('Service', 'shop', { telemetry: { errors: { source: 'prom', query: errors, unit: 'ratio' } } }),
  );
  home.write(
    'resources/detector.yaml',
    document('Detector', 'shop-errors', {
      on: 'errors',
      kind: 'threshold',
      params: { above: 0.2 },
      hold: '1s',
      clear: '2s',
      severity: 'critical',
    }),
  );
  const environment = { WATCHKEEPER_HTTP_LISTEN: `127.0.0.1:${port}` };
  const daemon = await startDaemon(home, { token: 'token-of-a-person', environment });
  cleanup.push(() => daemon.kill());
  await until('the shop is seen to be well', async () => {
    const { services } = await daemon.status();
    return services.some(({ name, signals }) => name === 'shop' && signals.some(({ latest }) => latest?.v === 0));
  });
  expect(await daemon.incidents()).toEqual([]);

  shop.fail(true);
  const alertsOf = async (): Promise<readonly Alert[]> => {
    const [incident] = await daemon.incidents();
    return incident === undefined ? [] : (await daemon.incident(incident.id)).alerts;
  };
  const from = (alerts: readonly Alert[], kind: string): Alert | undefined =>
    alerts.find((alert) => alert.kind === kind && alert.status === 'firing');
  await until('both are in the incident', async () => {
    const alerts = await alertsOf();
    return from(alerts, 'external') !== undefined && from(alerts, 'threshold') !== undefined;
  });
  const [incident] = await daemon.incidents();
  expect(await daemon.incidents()).toHaveLength(1);
  expect(incident).toMatchObject({ service: 'shop', services: ['shop'], severity: 'critical', storm: false });
  const alerts = await alertsOf();
  expect(from(alerts, 'external')).toMatchObject({ service: 'shop', signal: 'ShopErrors', severity: 'critical' });
  expect(from(alerts, 'external')?.finding.reason).toContain('one request in three fails');
  expect(from(alerts, 'threshold')).toMatchObject({ service: 'shop', signal: 'errors', detector: 'shop-errors' });
  // Nothing matches, so people are told, with both.
  await until('people are told', () => daemon.log().some(({ msg }) => msg === 'notice'));

  shop.fail(false);
  await until(
    'the incident resolves',
    async () => (await daemon.incidents()).every(({ status }) => status === 'resolved'),
    60_000,
  );
  expect((await daemon.status()).services.find(({ name }) => name === 'shop')).toMatchObject({ state: 'ok' });
  expect(await daemon.incidents()).toHaveLength(1);
  const types = (await daemon.ledger()).map(({ entry }) => entry.type);
  expect(types.filter((type) => type === 'incident-opened' || type === 'incident-resolved')).toEqual([
    'incident-opened',
    'incident-resolved',
  ]);

  const folder = path.join(home.folder, 'export');
  expect((await daemon.ask('POST', '/api/v1/ledger/export', { folder })).status).toBe(200);
  const report = await verifyExport({ files: readFiles, folder, signal: new AbortController().signal });
  expect(report).toMatchObject({ ok: true, problems: [] });
  expect(await daemon.stop()).toMatchObject({ code: 0 });
  // The token never went anywhere but to its own door.
  expect(daemon.said()).not.toContain('token-of-');
});

/** A service under steady load, fifty requests a second; while it is broken, one in three fails. */
async function startShop(): Promise<{ readonly url: string; fail(broken: boolean): void }> {
  const served = { ok: 0, failed: 0 };
  let broken = false;
  const load = setInterval(() => {
    for (let i = 0; i < 5; i += 1) served[broken && (served.ok + served.failed) % 3 === 0 ? 'failed' : 'ok'] += 1;
  }, 100);
  cleanup.push(() => clearInterval(load));
  const server = await serve((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(
      `# TYPE requests_total counter\nrequests_total{code="200"} ${served.ok}\nrequests_total{code="500"} ${served.failed}\n`,
    );
  });
  cleanup.push(() => server.close());
  return {
    url: server.url,
    fail: (next) => {
      broken = next;
    },
  };
}
