import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { answers, startHostService, type HostService } from '../../support/host-service.ts';
import { makeHome, type Home } from './daemon.ts';

/** A real supervised service, and a home in which the daemon watches it and may roll it back. */
export interface Shop {
  readonly host: HostService;
  readonly home: Home;
  /** The metrics endpoint of the service. */
  readonly metricsUrl: string;
  stop(): Promise<void>;
}

/** One document, as people write it. */
export function document(kind: string, name: string, spec: Json): Json {
  return { apiVersion: 'watchkeeper.dev/v1alpha1', kind, metadata: { name }, spec };
}

/** The shop runs v3; with `v3: 'ill'` it is ill, and v2 is not. */
export async function openShop(releases: Readonly<Record<string, string>>, settings: JsonObject = {}): Promise<Shop> {
  const host = await startHostService('', releases);
  await answers(host);
  const [place] = host.service.runsOn;
  if (place?.on !== 'host' || place.host.health === undefined) throw new Error('the service runs nowhere');
  const metricsUrl = new URL('/metrics', place.host.health).href;
  const home = makeHome();
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources', inherit: [] },
    sources: [
      { id: 'host', kind: 'host', interval: '1s' },
      { id: 'web', kind: 'scrape', targets: [{ url: metricsUrl }], interval: '1s', timeout: '2s' },
    ],
    defaults: { autonomy: 'act' },
    reload: { every: '1s' },
    incidents: { grace: '2s', patience: '2s' },
    ...settings,
  });
  home.write(
    'resources/service.yaml',
    document('Service', 'shop', {
      runsOn: [{ host: { ...place.host } as unknown as Json }],
      telemetry: { ill: { source: 'web', metric: 'shop_ill', unit: 'ratio', nature: 'gauge' } },
    }),
  );
  home.write(
    'resources/detector.yaml',
    document('Detector', 'shop-ill', {
      on: 'ill',
      kind: 'threshold',
      params: { above: 0.5 },
      hold: '1s',
      clear: '1s',
      severity: 'critical',
    }),
  );
  home.write(
    'resources/runbook.yaml',
    document('Runbook', 'roll-back', {
      summary: 'Return to the previous release',
      when: "incident.signals.exists(signal, signal == 'ill')",
      require: ['target.revisions > 1'],
      steps: [{ id: 'rollback', do: 'host.release-rollback', timeout: '20s' }],
      verify: [{ expect: 'ill < 0.5', within: '20s', for: '2s' }],
      onFail: ['escalate'],
      attempts: { per: 'target', max: 1, in: '1h' },
    }),
  );
  home.write(
    'resources/policy.yaml',
    document('Policy', 'act', { allow: [{ actions: ['host.release-rollback'], autonomy: 'act' }] }),
  );
  return {
    host,
    home,
    metricsUrl,
    stop: async () => {
      await host.stop();
      home.remove();
    },
  };
}
