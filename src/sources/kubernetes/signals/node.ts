import type { NodeRecord } from '../records/others.ts';
import type { Beside } from '../beside/index.ts';
import type { MetricName } from './catalogue.ts';
import type { Point } from './workload.ts';

type Measure = (node: NodeRecord, beside: Beside) => readonly Point[];

/** Measures one metric of a node. Empty: it is not known. */
export function measureNode(name: MetricName, node: NodeRecord, beside: Beside): readonly Point[] {
  return measures[name]?.(node, beside) ?? [];
}

const measures: Partial<Record<MetricName, Measure>> = {
  node_ready: ({ name, ready, why }) => [
    ready ? { v: 1 } : { v: 0, note: `node ${name}: ${why ?? 'it is not ready'}` },
  ],
  node_pressure: ({ name, pressure }) => [
    pressure.length === 0 ? { v: 0 } : { v: pressure.length, note: `node ${name} is under ${pressure.join(', ')}` },
  ],
  node_cpu: (node, beside) => share(beside.node(node.name)?.cpu, node.cores, beside.node(node.name)?.atMs),
  node_memory: (node, beside) => share(beside.node(node.name)?.memory, node.memory, beside.node(node.name)?.atMs),
  node_disk: (node, beside) => {
    const disk = beside.disk(node.name);
    return disk === undefined ? [] : share(disk.used, disk.capacity, disk.atMs);
  },
};

function share(used: number | undefined, of: number | undefined, atMs: number | undefined): readonly Point[] {
  if (used === undefined || of === undefined || of <= 0) return [];
  return [{ v: used / of, ...(atMs === undefined ? {} : { tMs: atMs }) }];
}
