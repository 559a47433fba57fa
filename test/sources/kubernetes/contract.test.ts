import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Json } from '../../../src/lib/json.ts';
import { sourceContract, type SourceWorld } from '../../contract/source.ts';
import { refusal, type ClusterCall, type ClusterFault } from '../../support/virtual-kubernetes.ts';
import { openShop, podObject, type Shop } from './shop.ts';

type Fault = (call: ClusterCall) => ClusterFault;

const signals = ['availability', 'restarts', 'crash_looping'] as const;

async function world(fault: Fault = () => undefined, config: Json = {}, more: (shop: Shop) => void = () => undefined) {
  const shop = openShop(config);
  shop.deploy('v1');
  more(shop);
  shop.cluster.fault = fault;
  const service = {
    ...{ name: 'checkout', labels: {}, owner: { team: 't', escalate: 'e' }, dependsOn: [], slos: [] },
    runsOn: [
      {
        on: 'kubernetes' as const,
        kubernetes: {
          cluster: 'kubernetes',
          namespace: 'shop',
          workload: { kind: 'Deployment' as const, name: 'checkout' },
        },
      },
    ],
    telemetry: {},
    origin: 'declared' as const,
  };
  const made: SourceWorld = {
    source: shop.source,
    get request() {
      return {
        ...{ fromMs: shop.clock.nowMs() - 5_000, untilMs: shop.clock.nowMs(), stepMs: 5_000 },
        ...{ mode: 'live' as const, services: [service] },
        signals: signals.map((metric) => ({
          ...{ service: 'checkout', signal: metric },
          binding: { source: 'kubernetes', unit: '1', nature: 'gauge' as const, query: { metric } },
        })),
      };
    },
    advance: (ms) => shop.clock.advance(ms),
  };
  return Promise.resolve(made);
}

const all =
  (code: 'unauthorized' | 'unreachable' | 'malformed'): Fault =>
  () =>
    new WatchkeeperError(code, 'the API server says no');

sourceContract('kubernetes', {
  healthy: () => world(),
  ill: {
    unauthorized: () => world(all('unauthorized')),
    forbidden: () => world((call) => refusal(call)),
    unreachable: () => world(all('unreachable')),
    malformed: () => world(all('malformed')),
    hanging: () => world(() => 'hang'),
  },
  partial: () => world((call) => (call.resource === 'pods' ? refusal(call) : undefined)),
  flood: () =>
    world(undefined, { maxObjects: 100 }, ({ cluster }) => {
      for (let index = 0; index < 150; index++) cluster.put(podObject('other', 'x', index, 'nobody'));
    }),
});
