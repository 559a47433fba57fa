import type { Json } from '../../../src/lib/json.ts';
import type { Home } from './daemon.ts';
import type { Hosts } from './hosts.ts';

const head = (kind: string, name: string): string =>
  `apiVersion: watchkeeper.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name}, labels: { env: test } }\n`;

/** What runs on the hosts. */
export const services: readonly string[] = [
  `${head('Service', 'shop')}spec:
  owner: { team: shop, escalate: oncall }
  runsOn:
    - ssh: { source: fleet, group: web, unit: shop.service, releases: { root: /srv/shop/releases, current: /srv/shop/current } }
  telemetry:
    errors:
      { source: pages, unit: ratio, nature: ratio, metric: shop_errors_total, per: { metric: shop_requests_total }, by: [host] }
`,
  `${head('Service', 'worker')}spec:
  owner: { team: shop, escalate: oncall }
  runsOn: [{ ssh: { source: fleet, host: web-5, unit: worker.service } }]
  telemetry: { unit_up: { source: fleet, metric: unit_up, unit: '1', nature: state } }
`,
];

/** What is done about them, and how far. */
export const runbooks: readonly string[] = [
  `${head('Detector', 'shop-errors')}spec:
  services: { name: shop }
  on: errors
  kind: regression
  hold: 2s
  clear: 10s
  severity: critical
`,
  `${head('Runbook', 'roll-back-host-by-host')}spec:
  summary: Return to the previous release, host by host
  when: >-
    has(change.instances) && diagnosis.cause == 'change' && change.kind == 'deploy' && diagnosis.confidence >= 0.6
    && has(change.previous)
  steps:
    - id: rollback
      each: '{{ change.instances }}'
      do: host.release-rollback
      with: { to: '{{ change.previous }}', host: '{{ each }}' }
      timeout: 60s
      require: [target.revisions > 1]
      between: [{ expect: errors < 0.05, within: 60s, for: 3s }]
  verify: [{ expect: errors < 0.05, within: 60s, for: 3s }]
  onFail: [undo, escalate]
`,
  `${head('Detector', 'worker-down')}spec:
  services: { name: worker }
  on: unit_up
  kind: threshold
  params: { below: 1, backTo: 1 }
  hold: 2s
  clear: 2s
  severity: critical
`,
  `${head('Runbook', 'start-worker')}spec:
  summary: Start the worker again when nothing was changed
  when: incident.signals.exists(signal, signal == 'unit_up')
  require: [target.running == false]
  steps: [{ id: restart, do: host.service-restart, timeout: 60s }]
  verify: [{ expect: unit_up >= 1, within: 60s, for: 2s }]
  onFail: [escalate]
  attempts: { per: service, max: 2, in: 2h }
`,
  `${head('Detector', 'spool-full')}spec:
  services: { host: web-6 }
  on: disk
  kind: threshold
  params: { above: 90%, backTo: 80% }
  hold: 2s
  clear: 2s
  severity: critical
`,
  `${head('Runbook', 'empty-spool')}spec:
  summary: Remove what has lain in the spool for a day
  when: incident.signals.exists(signal, signal == 'disk')
  steps:
    - id: reclaim
      do: host.disk-reclaim
      with: { paths: ['/srv/spool/*.job'], olderThan: 1d, maxBytes: 1073741824 }
      timeout: 60s
  verify: [{ expect: disk < 0.8, within: 60s }]
  onFail: [escalate]
`,
  `${head('Policy', 'fleet')}spec:
  allow:
    - actions: [host.release-rollback, host.service-restart, host.disk-reclaim]
      autonomy: act
      bounds: { units: 1, keepHealthy: 80% }
`,
  `${head('Escalation', 'oncall')}spec:
  steps: [{ notify: [log], wait: 1h }]
`,
];

const kinds = ['services', 'detectors', 'runbooks', 'policies', 'escalations'] as const;

/** The daemon's configuration: all hosts on the outer wire, or on the inner one by way of the bastion. */
export function watcher(
  home: Home,
  hosts: Hosts,
  wire: 'outer' | 'inner',
  users: { readonly reads: string; readonly acts: string },
): { readonly config: Json; readonly dataDir: string } {
  const web = hosts.all.filter(({ name }) => name.startsWith('web-'));
  return {
    dataDir: `${home.folder}/data-${wire}`,
    config: {
      resources: {
        ...Object.fromEntries(kinds.map((kind) => [kind, [`${home.folder}/${kind}`]])),
        inherit: [],
      },
      defaults: { autonomy: 'act' },
      incidents: { grace: '2s' },
      sources: [
        {
          ...{ id: 'fleet', kind: 'ssh', interval: '5s', knownHosts: [`${home.folder}/known_hosts`] },
          login: { user: users.reads, keyFile: `${home.folder}/watch` },
          ...(wire === 'inner' ? { jump: [{ address: hosts.at('bastion').outer }] } : {}),
          hosts: Object.fromEntries(web.map((host) => [host.name, { address: host[wire], groups: ['web'] }])),
        },
        {
          ...{ id: 'pages', kind: 'scrape', interval: '1s' },
          targets: web.map(({ name, outer }) => ({
            url: `http://${outer}:8080/metrics.txt`,
            labels: { host: name },
          })),
        },
      ],
      operators: { ssh: [{ source: 'fleet', login: { user: users.acts, keyFile: `${home.folder}/hand` } }] },
    },
  };
}
