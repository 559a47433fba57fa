import type { Collected, CollectRequest, SignalQuery } from '../../../domain/ports/source.ts';
import type { Gap, ResourceState } from '../../../domain/telemetry.ts';
import { createChangeReader } from './changes/index.ts';
import { createFileLogs } from './logs/index.ts';
import { newestOnly } from './logs/newest.ts';
import { machineState } from './machine.ts';
import type { ContainerReader } from './containers/index.ts';
import type { MachineName } from './machine.ts';
import { metricOf } from './metrics/catalogue.ts';
import { createMachineReaders, merge, metricsOf, readGroup } from './metrics/index.ts';
import type { MachineGroup } from './metrics/index.ts';
import type { ReadContext, Reading } from './reading.ts';
import type { JournalReader } from './journal/index.ts';
import { parseHostQuery } from './query.ts';
import type { Systemd } from './services/systemd.ts';
import { createServiceReaders, hasUnitOrProcess, serviceGroups } from './services/index.ts';
import { answer } from './signals.ts';
import type { Stamp, Wanted } from './signals.ts';

/** An answer with nothing in it. */
export const empty: Collected = { series: [], logs: [], changes: [], resources: [], findings: [], gaps: [] };

/** Answers requests, and lets go of what it holds open. */
export interface Collector {
  collect(request: CollectRequest, context: ReadContext, stamp: Stamp): Promise<Collected>;
  close(): void;
}

/** What tells one machine from another: what of it is watched, and how its systemd and its journal are asked. */
export interface CollectorParts {
  readonly excludeMounts: readonly string[];
  /** Files whose certificates' ends are watched. */
  readonly certificates: readonly string[];
  readonly watch: readonly string[];
  readonly systemd: Systemd;
  readonly readJournal: JournalReader;
  readonly containers: ContainerReader;
}

/** Answers requests: live with one sample a series, stamped with the time of the reading; the past from files. */
export function createCollector(parts: CollectorParts, nameOf: MachineName): Collector {
  const readers = createMachineReaders(parts.excludeMounts, parts.certificates);
  const readLogs = createFileLogs();
  const { readJournal } = parts;
  const services = createServiceReaders(parts.systemd);
  const changes = createChangeReader(parts.watch, parts.containers);
  let state: ResourceState | undefined;

  const measure = async (
    request: CollectRequest,
    host: string,
    context: ReadContext,
    stamp: Stamp,
  ): Promise<Measured> => {
    const { wanted, gaps } = understand(request.signals, stamp);
    const groups = new Set(wanted.map(({ query }) => metricOf(query.metric).group));
    const asked = (Object.keys(readers) as MachineGroup[]).filter((group) => groups.has(group));
    const [machine, units, perService] = await Promise.all([
      Promise.all(asked.map((group) => readGroup(group, readers[group], context))),
      groups.has('units') ? services.machine(host, stamp.nowMs, context) : undefined,
      Promise.all(
        request.services
          .filter(hasUnitOrProcess)
          .map(async (service) => [service.name, await services.service(service, stamp.nowMs, context)] as const),
      ),
    ]);
    context.rates.sweep();
    services.keep(new Set(perService.map(([name]) => name)));
    const whole = merge([...machine, units?.reading ?? nothingRead]);
    const byService = new Map(perService);
    const answers = wanted.map((one) => {
      const own = serviceGroups.has(metricOf(one.query.metric).group);
      return answer(one, own ? (byService.get(one.asked.service)?.reading ?? notHere) : whole, stamp);
    });
    return {
      series: answers.flatMap((found) => found.series),
      resources: [...(units?.resources ?? []), ...perService.flatMap(([, read]) => read.resources)],
      gaps: [...gaps, ...answers.flatMap((found) => found.gaps)],
    };
  };

  const facts = async (host: string, context: ReadContext, stamp: Stamp): Promise<readonly ResourceState[]> => {
    // For people: when they cannot be read, the metrics' own gaps say so.
    state ??= await machineState(context, host, stamp.nowMs).catch(() => undefined);
    return state === undefined ? [] : [{ ...state, atMs: stamp.nowMs }];
  };

  const collect: Collector['collect'] = async (request, context, stamp) => {
    const host = await nameOf(context);
    const live = request.mode === 'live';
    const measured = live ? await measure(request, host, context, stamp) : noPast(request, stamp);
    const changed = live
      ? await changes.live(request.services, host, stamp, context)
      : changes.history(request.services, request.fromMs, request.untilMs);
    const logged = await readLogs(request.services, request, stamp, context);
    const journal = await readJournal(request.services, host, request, stamp, context);
    const newest = newestOnly([...logged.logs, ...journal.logs], stamp);
    const asked = request.services.some((service) => service.name === host);
    return {
      series: measured.series,
      logs: newest.logs,
      changes: changed.changes,
      resources: [...measured.resources, ...(live && asked ? await facts(host, context, stamp) : [])],
      findings: [],
      gaps: [...measured.gaps, ...changed.gaps, ...logged.gaps, ...journal.gaps, ...newest.gaps],
    };
  };
  return { collect, close: () => services.close() };
}

const nothingRead: Reading = { points: [], problems: [] };
const notHere: Reading = {
  points: [],
  problems: [
    {
      metrics: [...metricsOf('unit'), ...metricsOf('process')],
      reason: 'unsupported',
      message: 'the service names neither a unit nor a pid file on this host',
    },
  ],
};

/** What was measured in one look. */
export type Measured = Pick<Collected, 'series' | 'resources' | 'gaps'>;

/** Metrics have no past here: the daemon keeps its own window of what it collected. */
export function noPast(request: CollectRequest, stamp: Stamp): Measured {
  const gaps = request.signals.map((asked): Gap => ({
    ...span(stamp),
    reason: 'unsupported',
    message: 'this machine keeps no history of its metrics',
    service: asked.service,
    signal: asked.signal,
  }));
  return { series: [], resources: [], gaps };
}

/** The queries of what is asked, and a gap for each binding that is none about a machine. */
export function understand(signals: readonly SignalQuery[], stamp: Stamp): { wanted: readonly Wanted[]; gaps: Gap[] } {
  const wanted: Wanted[] = [];
  const gaps: Gap[] = [];
  for (const asked of signals) {
    const query = parseHostQuery(asked.binding.query);
    if (query !== undefined) wanted.push({ query, asked });
    else
      gaps.push({
        ...span(stamp),
        reason: 'unsupported',
        message: 'the binding is not a query about a machine',
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
