import type { HostPlace } from '../../../../domain/places.ts';
import type { Service } from '../../../../domain/service.ts';
import type { ResourceState } from '../../../../domain/telemetry.ts';
import { WatchkeeperError } from '../../../../lib/errors.ts';
import type { Group, MetricName } from '../metrics/catalogue.ts';
import { merge, metricsOf, readGroup } from '../metrics/index.ts';
import { point } from '../metrics/kernel.ts';
import { gapMessage, gapReason } from '../reading.ts';
import type { Point, Problem, ReadContext, Reading } from '../reading.ts';
import { groupReading, readControlGroup } from './cgroup.ts';
import { measureProcess, readPidFile } from './process.ts';
import type { ProcessMemory } from './process.ts';
import type { Systemd, UnitState } from './systemd.ts';

/** What was read about one service: metrics for its signals, and facts for people. */
export interface ServiceReading {
  readonly reading: Reading;
  readonly resources: readonly ResourceState[];
}

/** Reads units and processes. It keeps what it knew of each process. */
export interface ServiceReaders {
  /** The unit and the process of one service. A service with neither gets a problem for each such metric. */
  service(service: Service, nowMs: number, context: ReadContext): Promise<ServiceReading>;
  /** Failed units of the whole machine. */
  machine(host: string, nowMs: number, context: ReadContext): Promise<ServiceReading>;
  /** Forgets services that are no longer watched. */
  keep(names: ReadonlySet<string>): void;
  close(): void;
}

const namedUnits = 20;

/** Makes the readers of services: units as systemd tells of them, control groups, single processes. */
export function createServiceReaders(systemd: Systemd): ServiceReaders {
  const memories = new Map<string, ProcessMemory>();
  const memoryOf = (name: string): ProcessMemory => {
    const memory = memories.get(name) ?? { identity: undefined, restarts: 0, known: false };
    memories.set(name, memory);
    return memory;
  };
  return {
    async service(service, nowMs, context) {
      const place = placeOf(service);
      const resources: ResourceState[] = [];
      const state = (kind: string, id: string, attributes: ResourceState['attributes']): void =>
        void resources.push({ kind, id, service: service.name, atMs: nowMs, attributes });
      let mainPid: number | undefined;
      const unit = await readGroup(
        'unit',
        async (inner) => {
          const found = await readUnit(service.name, place.unit, systemd, inner);
          mainPid = found.unit?.mainPid;
          if (found.unit !== undefined) state('unit', found.unit.unit, { ...found.unit });
          return found.reading;
        },
        context,
      );
      const process = await readGroup(
        'process',
        async (inner) => {
          const memory = memoryOf(service.name);
          const pid = await pidOf(place, mainPid, memory, inner);
          const found = await measureProcess(service.name, pid, memory, inner);
          if (found.process !== undefined)
            state('process', String(found.process.pid), {
              ...found.process,
              restarts: memory.restarts,
              ...(found.openFiles === undefined ? {} : { openFiles: found.openFiles }),
            });
          return found.reading;
        },
        context,
      );
      return { reading: merge([unit, process]), resources };
    },
    async machine(host, nowMs, context) {
      let names: readonly string[] = [];
      const reading = await readGroup(
        'units',
        async (inner) => {
          names = await systemd.failed(inner);
          return { points: [point('units_failed', names.length)], problems: [] };
        },
        context,
      );
      const failed = names.slice(0, namedUnits).map((unit): ResourceState => ({
        kind: 'unit',
        id: unit,
        service: host,
        atMs: nowMs,
        attributes: { unit, active: 'failed' },
      }));
      return { reading, resources: failed };
    },
    keep: (names) => {
      for (const name of memories.keys()) if (!names.has(name)) memories.delete(name);
    },
    close: () => systemd.close(),
  };
}

/** Whether a service has anything here for these readers. */
export function hasUnitOrProcess(service: Service): boolean {
  const place = placeOf(service);
  return place.unit !== undefined || place.process !== undefined;
}

function placeOf(service: Service): HostPlace {
  const places = service.runsOn.flatMap((place) => (place.on === 'host' ? [place.host] : []));
  return places.find((place) => place.unit !== undefined || place.process !== undefined) ?? places[0] ?? {};
}

// A pid file that was there and is gone means a service that was stopped; one that never was means we do not know.
async function pidOf(
  place: HostPlace,
  mainPid: number | undefined,
  memory: ProcessMemory,
  context: ReadContext,
): Promise<number | undefined> {
  if (place.process === undefined) {
    if (place.unit === undefined)
      throw new WatchkeeperError('unsupported', 'the service names neither a unit nor a pid file');
    if (mainPid === undefined) throw new WatchkeeperError('not-found', 'systemd did not say which process it is');
    return mainPid;
  }
  try {
    return await readPidFile(place.process.pidFile, context);
  } catch (thrown) {
    if (memory.known && WatchkeeperError.from(thrown).code === 'not-found') return undefined;
    throw thrown;
  }
}

interface UnitReading {
  readonly reading: Reading;
  readonly unit: UnitState | undefined;
}

// The control group can be read even where the bus cannot: systemd's default place for a unit is known.
async function readUnit(
  service: string,
  unit: string | undefined,
  systemd: Systemd,
  context: ReadContext,
): Promise<UnitReading> {
  if (unit === undefined) throw new WatchkeeperError('unsupported', 'the service names no unit');
  const points: Point[] = [];
  const problems: Problem[] = [];
  let state: UnitState | undefined;
  try {
    state = await systemd.unit(unit, context);
    points.push(point('unit_up', running.has(state.active) ? 1 : 0));
    if (state.restarts !== undefined)
      points.push(
        point(
          'unit_restarts',
          context.rates.perSecond(`unit/${service}/restarts`, state.restarts, context.monotonicMs),
        ),
      );
  } catch (thrown) {
    problems.push({ metrics: ofBus, reason: gapReason(thrown), message: gapMessage(thrown, unit) });
  }
  const group = state?.controlGroup ?? `/system.slice/${unit}`;
  if (state !== undefined && !running.has(state.active)) {
    problems.push({ metrics: ofGroup, reason: 'missing', message: `${unit} is ${state.active}` });
    return { reading: { points, problems }, unit: state };
  }
  const figures = groupReading(service, await readControlGroup(group, context), context);
  return { reading: merge([{ points, problems }, figures]), unit: state };
}

const running: ReadonlySet<string> = new Set(['active', 'reloading', 'refreshing']);
const ofBus: readonly MetricName[] = ['unit_up', 'unit_restarts'];
const ofGroup: readonly MetricName[] = metricsOf('unit').filter((name) => !ofBus.includes(name));

/** Groups that are read for one service at a time. */
export const serviceGroups: ReadonlySet<Group> = new Set<Group>(['unit', 'process']);
