import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { seriesKey } from '../../src/domain/telemetry.ts';
import type { Series } from '../../src/domain/telemetry.ts';
import { catalogFrom, incidentOf } from './case.ts';
import type { Case } from './case.ts';

type Table = ReadonlyMap<
  string,
  {
    readonly node: string;
    readonly metric: string;
    readonly statistic: string;
    readonly points: readonly (readonly [number, number])[];
  }
>;

/** Reads one of the two sets: eight incidents each, five-minute metrics, and the call graph. */
export function petshopCases(folder: string): readonly Case[] {
  const graph = readFileSync(join(folder, 'graph.csv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const nodes = (graph[0] ?? []).slice(1);
  const calls = graph
    .slice(1)
    .flatMap((row) =>
      nodes.flatMap((to, at): [string, string][] => (Number(row[at + 1]) === 1 ? [[row[0]!, to]] : [])),
    );
  const usual = tableOf(join(folder, 'noissue/metrics.csv'));
  return readdirSync(join(folder, 'train'))
    .sort()
    .map((issue) => {
      const target = JSON.parse(readFileSync(join(folder, 'train', issue, 'target.json'), 'utf8')) as {
        readonly target: { readonly node: string; readonly metric: string; readonly timestamp: number };
        readonly root_cause: { readonly node: string };
      };
      const table = tableOf(join(folder, 'train', issue, 'metrics.csv'));
      const asOfMs = Math.max(...[...table.values()].flatMap(({ points }) => points.map(([tMs]) => tMs)));
      const series = seriesOf(usual, table);
      const { node, metric } = target.target;
      const made = incidentOf(
        node,
        `${metric}_Average`,
        Math.min(asOfMs, target.target.timestamp * 1_000),
        `${metric} of ${node}`,
      );
      const catalog = catalogFrom([...nodes, node], calls);
      return {
        name: issue,
        truth: target.root_cause.node,
        input: {
          ...{ incident: made.incident, alerts: [made.alert], catalog },
          snapshot: {
            asOfMs,
            services: catalog.services,
            series,
            logs: [],
            spans: [],
            changes: [],
            resources: [],
            alerts: [made.alert],
            gaps: [],
          },
        },
        isRight: (hypothesis) => hypothesis.service === target.root_cause.node,
        abstainIsRight: false,
      };
    });
}

function tableOf(path: string): Table {
  const [nodes = [], metrics = [], statistics = [], , ...rows] = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const table = new Map<string, { node: string; metric: string; statistic: string; points: [number, number][] }>();
  for (let at = 1; at < nodes.length; at++) {
    const [node = '', metric = '', statistic = ''] = [nodes[at], metrics[at], statistics[at]];
    const points = rows.flatMap((row): [number, number][] =>
      row[at] ? [[Number(row[0]) * 1_000, Number(row[at])]] : [],
    );
    table.set(`${node}/${metric}/${statistic}`, { node, metric, statistic, points });
  }
  return table;
}

// The ordinary two days end right before the incident's few points, as if they had been the days before.
function seriesOf(usual: Table, issue: Table): readonly Series[] {
  const step = 300_000;
  const starts = Math.min(...[...issue.values()].flatMap(({ points }) => points.map(([tMs]) => tMs)));
  return [...issue].flatMap(([key, { node, metric, statistic, points }]) => {
    const before = (usual.get(key)?.points ?? []).slice(-144);
    const samples = [
      ...before.map(([, v], at) => ({ tMs: starts - (before.length - at) * step, v })),
      ...points.map(([tMs, v]) => ({ tMs, v })),
    ];
    const signal = `${metric}_${statistic}`;
    const nature =
      metric === 'latency' ? 'latency' : metric === 'availability' || metric === 'error' ? 'ratio' : 'rate';
    const unit = metric === 'latency' ? 's' : nature === 'ratio' ? '%' : '1';
    return samples.length === 0
      ? []
      : [
          {
            key: seriesKey(node, signal, {}),
            source: 'bench',
            service: node,
            signal,
            labels: {},
            unit,
            nature,
            samples,
          },
        ];
  });
}
