import type { SourceKind } from '../../domain/ports/source.ts';
import { later } from '../later.ts';
import { readingStatements } from './needs.ts';
import { awsConfig, awsLogs, awsQuery, awsTraces, type AwsConfig } from './schema.ts';
import { awsTraits } from './traits.ts';

/**
 * # aws: accounts and regions of AWS
 *
 * CloudWatch's metrics in batches, seldom and wide, and every minute what a change touches; what ECS and Lambda say of
 * themselves; who changed what, by CloudTrail; alarms as findings; logs, and traces of X-Ray. See README.md for settings and signals, and
 * ADR 29 for how it flows. Deliberately absent: metric streams, which pay off below three minutes between sweeps.
 */
export const awsSource: SourceKind<AwsConfig> = {
  kind: 'aws',
  summary:
    'AWS: CloudWatch metrics, logs and alarms, X-Ray traces, ECS and Lambda, changes by CloudTrail, many accounts and regions.',
  traits: awsTraits,
  config: awsConfig,
  query: awsQuery,
  records: { logs: awsLogs, traces: awsTraces },
  awsAccess: readingStatements,
  create: later<AwsConfig>({
    kind: 'aws',
    traits: awsTraits,
    intervalMs: (config) => config.interval,
    rings: ({ push }) => (push === undefined ? [] : ['news']),
    receives: ({ push }) => push !== undefined,
    load: async () => (await import('./source.ts')).createAwsSource,
  }),
};
