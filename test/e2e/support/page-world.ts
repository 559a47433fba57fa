import path from 'node:path';

import type { Json } from '../../../src/lib/json.ts';
import { until } from '../peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess } from './daemon.ts';
import { document } from './shop.ts';
import { startTarget, type Target } from './target.ts';

/** Text as an attacker would have it logged, deployed or alerted. */
export const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>\u202e`;

/** What each person comes with. */
export const tokens = { ana: 'token-of-ana', viewer: 'token-of-a-viewer', feeder: 'token-of-a-pipeline' } as const;

/** Services that are mended by a request, each only when a person says so, and the daemon over them. */
export interface PageWorld {
  readonly target: Target;
  readonly daemon: DaemonProcess;
  /** Makes a service ill and waits until a plan waits for a person. Gives its incident. */
  fall(service: number): Promise<string>;
  /** As the pipeline: announces a deploy, or hands over an alert. */
  feed(path: string, body: Json): Promise<void>;
  close(): Promise<void>;
}

export async function openPageWorld(services: number): Promise<PageWorld> {
  const target = await startTarget(services);
  const home = makeHome();
  const roles = { ana: 'operator', viewer: 'viewer', feeder: 'reporter' } as const;
  const people = Object.entries(tokens).map(([name, token]) => ({
    name,
    role: roles[name as keyof typeof roles],
    groups: name === 'ana' ? ['group:oncall'] : [],
    file: home.write(`${name}.token`, token),
  }));
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources', inherit: [] },
    sources: [
      { id: 'web', kind: 'scrape', targets: [{ url: `${target.url}/metrics` }], interval: '1s', timeout: '2s' },
    ],
    http: { tokens: people },
    defaults: { autonomy: 'act' },
    incidents: { grace: '1s', patience: '1s' },
  });
  const approval = { from: ['group:oncall'], expires: '15m' };
  home.write(
    'resources/policy.yaml',
    document('Policy', 'ask', { allow: [{ actions: ['http.request'], autonomy: 'approve', approval }] }),
  );
  for (let at = 0; at < services; at += 1) home.write(`resources/shop-${at}.yaml`, documentsOf(at, target));
  const daemon = await startDaemon(home, { token: tokens.ana, dataDir: path.join(home.folder, 'data') });
  return {
    target,
    daemon,
    fall: async (service) => {
      target.setIll(service, true);
      const asks = async (): Promise<string | undefined> =>
        (await daemon.status()).approvals.find((one) => one.service === `shop-${service}`)?.incidentId;
      await until('a plan waits for a person', async () => (await asks()) !== undefined, 30_000);
      return (await asks()) ?? '';
    },
    feed: async (where, body) => {
      const headers = { authorization: `Bearer ${tokens.feeder}`, 'content-type': 'application/json' };
      const signal = AbortSignal.timeout(10_000);
      const response = await fetch(`${daemon.url}${where}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        signal,
      });
      if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`);
    },
    close: async () => {
      await daemon.kill();
      await target.close();
      home.remove();
    },
  };
}

// Several documents in one file, as YAML takes them: each is JSON.
function documentsOf(at: number, target: Target): string {
  const signal = `ill${at}`;
  const request = {
    host: target.host,
    url: `${target.url}/fix/${at}`,
    probe: { url: `${target.url}/done/${at}`, done: [200], notDone: [404] },
  };
  const all = [
    document('Service', `shop-${at}`, {
      runsOn: [],
      telemetry: { [signal]: { source: 'web', metric: `shop_ill_${at}`, unit: 'ratio', nature: 'gauge' } },
    }),
    document('Detector', `ill-${at}`, {
      on: signal,
      kind: 'threshold',
      params: { above: 0.5 },
      hold: '1s',
      clear: '1s',
      severity: 'critical',
    }),
    document('Runbook', `fix-${at}`, {
      summary: `Ask the service to mend itself ${hostile}`,
      when: `incident.signals.exists(signal, signal == '${signal}')`,
      steps: [{ id: 'fix', do: 'http.request', with: request, timeout: '30s' }],
      verify: [{ expect: `${signal} < 0.5`, within: '20s', for: '1s' }],
      onFail: ['escalate'],
      attempts: { per: 'target', max: 1, in: '1h' },
    }),
  ];
  return all.map((one) => JSON.stringify(one)).join('\n---\n');
}
