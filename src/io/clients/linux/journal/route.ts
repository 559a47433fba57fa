import type { Service } from '../../../../domain/service.ts';
import type { LogRecord } from '../../../../domain/telemetry.ts';
import { cleanText, parseLine, severityOfPriority } from '../../log-line.ts';
import type { Stamp } from '../signals.ts';
import type { JournalRecord } from './file.ts';

/** Whose an entry is: a service's by its unit, else the machine's. */
export interface Routing {
  readonly byUnit: ReadonlyMap<string, string>;
  readonly host: string | undefined;
  /** Services that have units; and with the machine's own, all that the journal is read for. */
  readonly units: readonly string[];
  readonly interested: readonly string[];
}

/** Which services a journal is read for, here on `host`. */
export function routing(services: readonly Service[], host: string): Routing {
  const byUnit = new Map<string, string>();
  for (const service of services)
    for (const place of service.runsOn)
      if (place.on === 'host' && place.host.unit !== undefined) byUnit.set(place.host.unit, service.name);
  const units = [...new Set(byUnit.values())];
  const asked = services.some((service) => service.name === host);
  return { byUnit, host: asked ? host : undefined, units, interested: asked ? [...units, host] : units };
}

// sudo(8), "Command log entries": a person has a terminal; programs that call sudo have none.
const bySomebody = /^\s*\S{1,64} : TTY=(?!unknown)\S+ ; .*\bCOMMAND=/;
const errorPriority = 3;
const warningPriority = 4;
const infoPriority = 6;

/** An entry as a log record: of the service whose unit wrote it; errors (and kernel warnings) of all else go to the machine. */
export function toLog({ tMs, fields }: JournalRecord, route: Routing, stamp: Stamp): readonly LogRecord[] {
  const message = fields.get('MESSAGE');
  if (message === undefined || message === '') return [];
  const units = ['UNIT', 'OBJECT_SYSTEMD_UNIT', '_SYSTEMD_UNIT'].flatMap((name) => fields.get(name) ?? []);
  const owner = units.map((unit) => route.byUnit.get(unit)).find((name) => name !== undefined);
  const written = fields.get('PRIORITY');
  const priority = written !== undefined && /^[0-7]$/.test(written) ? Number(written) : infoPriority;
  const loud = priority <= (fields.get('_TRANSPORT') === 'kernel' ? warningPriority : errorPriority);
  // Who took more rights than they have is context for whatever happens next.
  const isSudo = fields.get('SYSLOG_IDENTIFIER') === 'sudo' && bySomebody.test(message);
  const service = owner ?? (loud || isSudo ? route.host : undefined);
  if (service === undefined) return [];
  // What a service prints all comes as "info": its own words tell more.
  const parsed = parseLine(cleanText(new TextEncoder().encode(message)), stamp.nowMs);
  const attributes = Object.entries({
    'systemd.unit': units[0],
    'syslog.identifier': fields.get('SYSLOG_IDENTIFIER'),
    'process.pid': fields.get('_PID'),
  }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value.slice(0, 256)] as const]));
  return [
    {
      tMs,
      source: stamp.source,
      service,
      severity: priority === infoPriority ? parsed.severity : severityOfPriority(priority),
      body: parsed.body,
      attributes: { ...parsed.attributes, ...Object.fromEntries(attributes) },
    },
  ];
}
