import type { Collected, CollectRequest, SignalQuery } from '../../domain/ports/source.ts';
import type { Gap, ResourceState, Series } from '../../domain/telemetry.ts';
import { machineState } from './machine.ts';
import type { MachineName } from './machine.ts';
import { metricOf } from './metrics/catalogue.ts';
import type { Group } from './metrics/catalogue.ts';
import { createMachineReaders, merge, readGroup } from './metrics/index.ts';
import type { MachineGroup } from './metrics/index.ts';
import type { ReadContext, Reading } from './reading.ts';
import { parseHostQuery } from './schema.ts';
import type { HostConfig } from './schema.ts';
import { answer } from './signals.ts';
import type { Stamp, Wanted } from './signals.ts';

export const empty: Collected = { series: [], logs: [], changes: [], resources: [], findings: [], gaps: [] };

/** Answers live requests: one sample a series, stamped with the time of the reading. */
export function createLive(
  config: HostConfig,
  nameOf: MachineName,
): (request: CollectRequest, context: ReadContext, stamp: Stamp) => Promise<Collected> {
  const readers = createMachineReaders(config.excludeMounts);
  let state: ResourceState | undefined;

  const readMachine = async (groups: ReadonlySet<Group>, context: ReadContext): Promise<Reading> => {
    const asked = (Object.keys(readers) as MachineGroup[]).filter((group) => groups.has(group));
    return merge(await Promise.all(asked.map((group) => readGroup(group, readers[group], context))));
  };

  return async (request, context, stamp) => {
    const { wanted, gaps } = understand(request.signals, stamp);
    const reading = await readMachine(new Set(wanted.map(({ query }) => metricOf(query.metric).group)), context);
    context.rates.sweep();
    const series: Series[] = [];
    for (const one of wanted) {
      const found = answer(one, reading, stamp);
      series.push(...found.series);
      gaps.push(...found.gaps);
    }
    const host = await nameOf(context);
    const resources: ResourceState[] = [];
    if (request.services.some((service) => service.name === host)) {
      // Facts for people: when they cannot be read, the metrics' own gaps say so.
      state ??= await machineState(context, host, stamp.nowMs).catch(() => undefined);
      if (state !== undefined) resources.push({ ...state, atMs: stamp.nowMs });
    }
    return { series, logs: [], changes: [], resources, findings: [], gaps };
  };
}

/** Metrics have no past here: the daemon keeps its own window of what it collected. */
export function collectHistory(request: CollectRequest, stamp: Stamp): Collected {
  const gaps = request.signals.map((asked): Gap => ({
    ...span(stamp),
    reason: 'unsupported',
    message: 'this machine keeps no history of its metrics',
    service: asked.service,
    signal: asked.signal,
  }));
  return { ...empty, gaps };
}

function understand(signals: readonly SignalQuery[], stamp: Stamp): { wanted: readonly Wanted[]; gaps: Gap[] } {
  const wanted: Wanted[] = [];
  const gaps: Gap[] = [];
  for (const asked of signals) {
    const query = parseHostQuery(asked.binding.query);
    if (query !== undefined) wanted.push({ query, asked });
    else
      gaps.push({
        ...span(stamp),
        reason: 'unsupported',
        message: 'the binding is not a query of the host source',
        service: asked.service,
        signal: asked.signal,
      });
  }
  return { wanted, gaps };
}

/** The stretch of time an answer's gaps concern. */
export function span(stamp: Stamp): Pick<Gap, 'source' | 'fromMs' | 'untilMs'> {
  return { source: stamp.source, fromMs: Math.min(stamp.fromMs, stamp.nowMs), untilMs: stamp.nowMs };
}
