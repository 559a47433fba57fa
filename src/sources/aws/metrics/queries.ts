import type { AwsValue } from '../../../domain/ports/aws.ts';
import type { CloudWatchQuery, MetricPick } from '../schema.ts';

/** CloudWatch takes so many queries in one GetMetricData, expressions and what they read included. */
export const queriesPerCall = 500;

/** How many queries one signal is. */
export function weightOf(query: CloudWatchQuery): number {
  return 'metric' in query ? 1 : Object.keys(query.metrics).length + 1;
}

/**
 * A signal as MetricDataQueries. Ids are ours (`s12`, and `s12_e` for what an expression reads), so that no text of a
 * document can meet that of another; in the expression they take the place of the names that were written.
 */
export function queriesOf(query: CloudWatchQuery, index: number): readonly Readonly<Record<string, AwsValue>>[] {
  const id = idOf(index);
  const period = query.period / 1_000;
  if ('metric' in query) return [{ Id: id, MetricStat: statOf(query.metric, period), ReturnData: true }];
  const names = Object.keys(query.metrics);
  const expression = query.expression.replace(/\b[a-z][A-Za-z0-9_]*\b/g, (word) =>
    names.includes(word) ? `${id}_${word}` : word,
  );
  return [
    { Id: id, Expression: expression, Period: period, ReturnData: true },
    ...Object.entries(query.metrics).map(([name, metric]) => ({
      ...{ Id: `${id}_${name}`, MetricStat: statOf(metric, period), ReturnData: false },
    })),
  ];
}

/** The id of the signal at an index. */
export function idOf(index: number): string {
  return `s${index}`;
}

function statOf({ namespace, name, dimensions, stat }: MetricPick, period: number): Readonly<Record<string, AwsValue>> {
  const pairs = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  return { Metric: { Namespace: namespace, MetricName: name, Dimensions: pairs }, Period: period, Stat: stat };
}
