import type { Service } from '../../../domain/service.ts';
import type { Gap, LogRecord, LogSeverity } from '../../../domain/telemetry.ts';
import { span } from '../../../io/clients/linux/collect.ts';
import { newestOnly } from '../../../io/clients/linux/logs/newest.ts';
import { gapMessage, gapReason } from '../../../io/clients/linux/reading.ts';
import type { Stamp } from '../../../io/clients/linux/signals.ts';
import { oneLine } from '../../../lib/text.ts';
import { faultOf } from './document.ts';
import type { Section, WindowsDocument } from './document.ts';
import { unitOf } from './services.ts';

/** What the event logs said: records of each service, gaps, and where to go on. */
export interface EventsRead {
  readonly logs: readonly LogRecord[];
  readonly gaps: readonly Gap[];
}

type Channel = Section<'events'>['channels'][number];

/** One event as Windows wrote it. Its message is in the language of the host, and empty when it has none. */
export type WindowsEvent = NonNullable<Channel['events']>[number];

/** The events of an answer that are changes or context, by the log they are in. */
export function eventsIn(document: WindowsDocument, channel: string): readonly WindowsEvent[] {
  try {
    return document.section('events').channels.find(({ name }) => name === channel)?.events ?? [];
  } catch {
    return [];
  }
}

/** Log records of the machine and of the services on it. `cursors` is moved on when the look is live. */
export function readEvents(
  document: WindowsDocument,
  services: readonly Service[],
  host: string,
  stamp: Stamp,
  cursors: Map<string, number>,
  live: boolean,
): EventsRead {
  const logs: LogRecord[] = [];
  const gaps: Gap[] = [];
  const gap = (reason: Gap['reason'], message: string): void => {
    for (const { name } of services) gaps.push({ ...span(stamp), reason, message, service: name, signal: 'logs' });
  };
  let channels: readonly Channel[];
  const owners = new Map<string, string>();
  try {
    ({ channels } = document.section('events'));
  } catch (thrown) {
    gap(gapReason(thrown), gapMessage(thrown, 'event logs'));
    return { logs, gaps };
  }
  for (const [name, owner] of namesOf(document, services)) owners.set(name, owner);
  const asked = new Set(services.map(({ name }) => name));
  for (const channel of channels) {
    if (channel.fault !== undefined) {
      const error = faultOf(channel.fault, channel.message ?? '', 'events');
      gap(gapReason(error), gapMessage(error, channel.name));
      continue;
    }
    const events = channel.events ?? [];
    if (channel.more === true) gap('late', `${channel.name}: there are more events than are read at once`);
    if (channel.cleared === true) gap('partial', `${channel.name} was cleared: what was in it is lost`);
    if (live) cursors.set(channel.name, channel.more === true ? (events.at(-1)?.record ?? 0) : (channel.newest ?? 0));
    for (const event of events) {
      const service = ownerOf(event, owners) ?? host;
      const tMs = Math.min(event.atMs ?? stamp.nowMs, stamp.nowMs);
      // The first look goes back a day for changes; lines are wanted from the asked stretch only.
      if (!asked.has(service) || tMs < stamp.fromMs) continue;
      logs.push(recordOf(event, channel.name, service, tMs, stamp.source));
    }
  }
  const newest = newestOnly(logs, stamp);
  return { logs: newest.logs, gaps: [...gaps, ...newest.gaps] };
}

/** What an event may call a Windows service that is asked about: its name, and the name it shows. */
function namesOf(document: WindowsDocument, services: readonly Service[]): readonly (readonly [string, string])[] {
  let shown: readonly { readonly name: string; readonly display: string }[] = [];
  try {
    shown = document.section('services').services;
  } catch {
    // Its own metrics tell of the gap.
  }
  return services.flatMap((service) => {
    const unit = unitOf(service)?.toLowerCase();
    if (unit === undefined) return [];
    const display = shown.find(({ name }) => name.toLowerCase() === unit)?.display;
    return [unit, ...(display === undefined ? [] : [display.toLowerCase()])].map(
      (name) => [name, service.name] as const,
    );
  });
}

// A service's own events carry its name as the provider; those of the service control manager have it as a value.
function ownerOf(event: WindowsEvent, owners: ReadonlyMap<string, string>): string | undefined {
  const own = owners.get(event.provider.toLowerCase());
  if (own !== undefined || event.provider !== 'Service Control Manager') return own;
  return event.values
    .slice(0, 2)
    .map((value) => owners.get(value.toLowerCase()))
    .find((name) => name !== undefined);
}

const severities: Readonly<Record<number, LogSeverity>> = { 1: 'fatal', 2: 'error', 3: 'warn', 4: 'info', 5: 'debug' };

function recordOf(event: WindowsEvent, channel: string, service: string, tMs: number, source: string): LogRecord {
  const body = event.message === '' ? event.values.join(' | ') : event.message;
  return {
    tMs,
    source,
    service,
    severity: severities[event.level] ?? 'info',
    body: plain(body),
    attributes: {
      'windows.channel': channel,
      'windows.provider': plain(event.provider),
      'windows.event_id': String(event.id),
      'windows.record': String(event.record),
    },
  };
}

const bodyChars = 4_000;

function plain(text: string): string {
  return oneLine(text, bodyChars);
}
