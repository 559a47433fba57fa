import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { cli } from '../cli/support.ts';
import { serve, startPrometheus, until } from './peers/peers.ts';

test('a stretch of a real Prometheus becomes a recording, and a backtest of it calls what happened', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchkeeper-e2e-record-'));
  const startedMs = Date.now();
  const badAfterMs = 20_000;
  const service = await serve((_request, response) => {
    const ageMs = Date.now() - startedMs;
    response.end(`error_share{pod="a"} ${ageMs < badAfterMs ? 0.001 : 0.5}\nerror_share{pod="b"} 0.001\n`);
  });
  const prometheus = await startPrometheus([service.url]);
  try {
    mkdirSync(join(folder, 'services'));
    mkdirSync(join(folder, 'detectors'));
    writeFileSync(
      join(folder, 'watchkeeper.yaml'),
      `resources: { services: services, detectors: detectors }\nsources:\n  - { id: prom, kind: prometheus, url: '${prometheus.url}' }\n`,
    );
    writeFileSync(
      join(folder, 'services/shop.yaml'),
      `apiVersion: watchkeeper.dev/v1alpha1\nkind: Service\nmetadata: { name: shop }\nspec:\n  owner: { team: t }\n  telemetry:\n    errors: { source: prom, query: 'sum by (pod) (error_share)', unit: ratio }\n`,
    );
    writeFileSync(
      join(folder, 'detectors/high.yaml'),
      `apiVersion: watchkeeper.dev/v1alpha1\nkind: Detector\nmetadata: { name: high }\nspec: { on: errors, kind: threshold, params: { above: '10%' }, hold: 3s, severity: critical }\n`,
    );
    const change = {
      at: Math.round(startedMs / 1_000) + 20,
      kind: 'deploy',
      service: 'shop',
      version: 'v2',
      previous: 'v1',
    };
    writeFileSync(join(folder, 'changes.json'), JSON.stringify([change]));
    await until('it has been ill for a while', () => Date.now() - startedMs > badAfterMs + 12_000, 60_000);
    const run = (argv: readonly string[]) => cli(argv, { cwd: folder });
    const recorded = await run(['record', 'rec', '--from', '2m', '--step', '1s', '--changes', 'changes.json']);
    expect(recorded).toMatchObject({ code: 0, err: '' });
    const played = await run([
      'backtest',
      'rec',
      '--detector',
      'high',
      '--out',
      'alerts.json',
      '--report',
      'report.html',
    ]);
    expect(played).toMatchObject({ code: 0, err: '' });
    const alerts = JSON.parse(readFileSync(join(folder, 'alerts.json'), 'utf8')) as { at: number; labels: object }[];
    expect(alerts).toMatchObject([{ service: 'shop', signal: 'errors', labels: { pod: 'a' }, until: null }]);
    expect(alerts[0]?.at).toBeGreaterThan((startedMs + badAfterMs) / 1_000);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('v2');
  } finally {
    await prometheus.stop();
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
