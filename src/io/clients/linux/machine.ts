import type { Service, TelemetryBinding } from '../../../domain/service.ts';
import type { ResourceState } from '../../../domain/telemetry.ts';
import { metricNames, metrics } from './metrics/catalogue.ts';
import type { MetricName } from './metrics/catalogue.ts';
import { parseMeminfo, parseStat } from './metrics/parse.ts';
import { readText, readTextIfAny } from './reading.ts';
import type { ReadContext } from './reading.ts';

/** Gives the name of the machine's service; read once. */
export type MachineName = (context: ReadContext) => Promise<string>;

/** The configured name, or `host-` and the machine's own. */
export function machineName(configured: string | undefined): MachineName {
  let name = configured;
  return async (context) => (name ??= await readName(context));
}

// In lower case, with anything but letters, digits and dashes turned to dashes.
async function readName(context: ReadContext): Promise<string> {
  const raw =
    (await readTextIfAny(context, '/proc/sys/kernel/hostname')) ??
    (await readTextIfAny(context, '/etc/hostname')) ??
    '';
  const name = raw
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48)
    .replace(/-+$/, '');
  return `host-${name === '' ? 'unnamed' : name}`;
}

// What every machine's service watches by default: the rest can be bound by hand.
const offered: readonly MetricName[] = metricNames.filter(
  (name) => !/^(unit|process)_/.test(name) && !['disk_available', 'processes_blocked'].includes(name),
);

/**
 * The machine as a service. It offers a signal for each host metric that this machine has: a signal that cannot exist
 * here (swap without swap space, PSI on an old kernel, units without systemd) is not promised, so it is no gap either.
 */
export async function describeMachine(
  context: ReadContext,
  source: string,
  name: string,
  { systemBus, certificates }: { readonly systemBus: string; readonly certificates: readonly string[] },
): Promise<Service> {
  const absent = new Set(await absentHere(context, systemBus));
  if (certificates.length === 0) absent.add('certificate_expiry');
  const telemetry: Record<string, TelemetryBinding> = {};
  for (const metric of offered) {
    const { unit, nature } = metrics[metric];
    if (!absent.has(metric)) telemetry[metric] = { source, unit, nature, query: { metric } };
  }
  return {
    name,
    labels: { kind: 'host', os: 'linux' },
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'host', host: {} }],
    telemetry,
    slos: [],
    origin: 'discovered',
  };
}

async function absentHere(context: ReadContext, systemBus: string): Promise<ReadonlySet<MetricName>> {
  const has = (path: string, sign: RegExp): Promise<boolean> =>
    readTextIfAny(context, path).then((text) => text !== undefined && sign.test(text), itIsThereButSick);
  const exists = (path: string): Promise<boolean> =>
    context.files.stat(context.at(path), context.signal).then((found) => found !== undefined, itIsThereButSick);
  const present: readonly (readonly [MetricName, Promise<boolean>])[] = [
    ['swap', has('/proc/meminfo', /^SwapTotal:\s+[1-9]/m)],
    ['oom_kills', has('/proc/vmstat', /^oom_kill \d/m)],
    ['pressure_cpu', has('/proc/pressure/cpu', /^some /m)],
    ['pressure_memory', has('/proc/pressure/memory', /^some /m)],
    ['pressure_io', has('/proc/pressure/io', /^some /m)],
    ['time_sync', exists('/run/systemd/timesync')],
    ['units_failed', exists(systemBus)],
  ];
  const absent = new Set<MetricName>();
  for (const [metric, found] of present) if (!(await found)) absent.add(metric);
  return absent;
}

// What cannot be read now is promised all the same: its absence is then a gap instead of a silence.
const itIsThereButSick = (): boolean => true;

/** Facts about the machine, as evidence and for people. */
export async function machineState(context: ReadContext, service: string, nowMs: number): Promise<ResourceState> {
  const [stat, meminfo, release, bootId] = await Promise.all([
    readText(context, '/proc/stat'),
    readText(context, '/proc/meminfo'),
    readTextIfAny(context, '/proc/sys/kernel/osrelease'),
    readTextIfAny(context, '/proc/sys/kernel/random/boot_id'),
  ]);
  const { cpus, bootS } = parseStat(stat);
  return {
    kind: 'host',
    id: service,
    service,
    atMs: nowMs,
    attributes: {
      cpus,
      memoryBytes: parseMeminfo(meminfo).get('MemTotal') ?? 0,
      kernel: release?.trim() ?? '',
      bootId: bootId?.trim() ?? '',
      bootedAtMs: bootS * 1_000,
    },
  };
}
