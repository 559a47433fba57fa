import type { Collected, CollectRequest, SignalQuery } from '../../domain/ports/source.ts';
import type { Gap, ResourceState } from '../../domain/telemetry.ts';
import { createChangeReader } from './changes/index.ts';
import { createFileLogs } from './logs/index.ts';
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

/** Answers requests: live with one sample a series, stamped with the time of the reading; the past from files. */
export function createCollector(
  config: HostConfig,
  nameOf: MachineName,
): (request: CollectRequest, context: ReadContext, stamp: Stamp) => Promise<Collected> {
  const readers = createMachineReaders(config.excludeMounts);
  const readLogs = createFileLogs();
  const changes = createChangeReader(config.watch);
  let state: ResourceState | undefined;

  const readMachine = async (groups: ReadonlySet<Group>, context: ReadContext): Promise<Reading> => {
    const asked = (Object.keys(readers) as MachineGroup[]).filter((group) => groups.has(group));
    return merge(await Promise.all(asked.map((group) => readGroup(group, readers[group], context))));
  };

  const measure = async (request: CollectRequest, context: ReadContext, stamp: Stamp): Promise<Measured> => {
    const { wanted, gaps } = understand(request.signals, stamp);
    const reading = await readMachine(new Set(wanted.map(({ query }) => metricOf(query.metric).group)), context);
    context.rates.sweep();
    const answers = wanted.map((one) => answer(one, reading, stamp));
    const series = answers.flatMap((found) => found.series);
    return { series, resources: [], gaps: [...gaps, ...answers.flatMap((found) => found.gaps)] };
  };

  const facts = async (host: string, context: ReadContext, stamp: Stamp): Promise<readonly ResourceState[]> => {
    // For people: when they cannot be read, the metrics' own gaps say so.
    state ??= await machineState(context, host, stamp.nowMs).catch(() => undefined);
    return state === undefined ? [] : [{ ...state, atMs: stamp.nowMs }];
  };

  return async (request, context, stamp) => {
    const { services } = request;
    const host = await nameOf(context);
    const live = request.mode === 'live';
    const measured = live ? await measure(request, context, stamp) : noPast(request, stamp);
    const changed = live
      ? await changes.live(services, host, stamp, context)
      : changes.history(services, request.fromMs, request.untilMs);
    const logged = await readLogs(services, request, stamp, context);
    const asked = services.some((service) => service.name === host);
    return {
      series: measured.series,
      logs: logged.logs,
      changes: changed.changes,
      resources: [...measured.resources, ...(live && asked ? await facts(host, context, stamp) : [])],
      findings: [],
      gaps: [...measured.gaps, ...changed.gaps, ...logged.gaps],
    };
  };
}

type Measured = Pick<Collected, 'series' | 'resources' | 'gaps'>;

/** Metrics have no past here: the daemon keeps its own window of what it collected. */
function noPast(request: CollectRequest, stamp: Stamp): Measured {
  const gaps = request.signals.map((asked): Gap => ({
    ...span(stamp),
    reason: 'unsupported',
    message: 'this machine keeps no history of its metrics',
    service: asked.service,
    signal: asked.signal,
  }));
  return { series: [], resources: [], gaps };
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
