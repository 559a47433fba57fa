import type { SourceKind } from '../../domain/ports/source.ts';
import { onlySearched } from '../../io/clients/record-store.ts';
import { later } from '../later.ts';
import { readingGrants } from './needs.ts';
import { gcpConfig, gcpLogs, gcpQuery, gcpTraces, type GcpConfig } from './schema.ts';
import { gcpTraits } from './traits.ts';

/**
 * # gcp: projects and locations of Google Cloud
 *
 * Cloud Monitoring's time series, aligned there, seldom and wide, and every minute what a change touches; what Cloud Run and
 * instance groups say of themselves; who changed what, by audit logs; alerts as findings; logs and traces. See README.md for
 * settings and signals, and ADR 32 for how it flows. Deliberately absent: the agent on machines, and PromQL, which is `prometheus`.
 */
export const gcpSource: SourceKind<GcpConfig> = {
  kind: 'gcp',
  summary:
    'Google Cloud: metrics, logs, traces and alerts, Cloud Run and instance groups, changes by audit logs, many projects.',
  traits: gcpTraits,
  config: gcpConfig,
  query: gcpQuery,
  records: { logs: gcpLogs, traces: gcpTraces },
  gcpAccess: readingGrants,
  create: later<GcpConfig>({
    kind: 'gcp',
    traits: gcpTraits,
    intervalMs: (config) => config.interval,
    rings: ({ push }) => (push === undefined ? [] : ['news']),
    receives: ({ push }) => push !== undefined,
    searched: (id, service) => onlySearched(id, service, (key, query) => key === 'traces' || query['live'] === false),
    load: async () => (await import('./source.ts')).createGcpSource,
  }),
};
