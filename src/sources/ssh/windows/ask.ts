import type { CollectRequest } from '../../../domain/ports/source.ts';
import type { Service } from '../../../domain/service.ts';
import type { SectionName } from './document.ts';

/** Which events of a channel are wanted: the names of the script's filters (`script/records.ts`). */
export type WantedEvents = 'warnings' | 'system' | 'programs' | 'all';

/** One event log, and from where. */
export interface AskedChannel {
  readonly name: string;
  readonly wanted: WantedEvents;
  /** The last record that was read; null: those of the last `agoMs`. */
  readonly after: number | null;
  readonly agoMs: number;
  readonly most: number;
}

/** The one argument of the script, as JSON. */
export interface Asked {
  readonly sections: readonly SectionName[];
  readonly units: readonly string[];
  readonly channels: readonly AskedChannel[];
  /** When this time is over, sections that were not begun are left out. */
  readonly budgetMs: number;
}

/** Read at every look: all but what takes seconds and hardly changes. */
export const everyLook: readonly SectionName[] = [
  'system',
  'cpu',
  'memory',
  'disks',
  'network',
  'volumes',
  'services',
  'events',
  'iis',
  'tasks',
  'certificates',
  'pending',
  'time',
];

/** How often hotfixes and programs are listed: it takes seconds, and they change by the week. */
export const updatesEveryMs = 300_000;

/** Events of one channel in one look; the rest comes with the next. */
const eventsPerChannel = 500;

/** The logs that are read of every host, and the configured ones whole. */
export function channelsOf(
  configured: readonly string[],
  cursors: ReadonlyMap<string, number>,
  request: CollectRequest,
  nowMs: number,
): readonly AskedChannel[] {
  const wanted = new Map<string, WantedEvents>([
    ['System', 'system'],
    ['Application', 'programs'],
  ]);
  for (const name of configured) wanted.set(name, 'all');
  const live = request.mode === 'live';
  return [...wanted].map(([name, kind]) => ({
    name,
    wanted: kind,
    after: live ? (cursors.get(name) ?? null) : null,
    // At the first look changes of the last day are told as well.
    agoMs: Math.max(0, nowMs - request.fromMs, live ? dayMs : 0),
    most: eventsPerChannel,
  }));
}

const dayMs = 24 * 3_600_000;

/** Names of the Windows services that are asked for, each once. */
export function unitsOf(services: readonly Service[]): readonly string[] {
  return [
    ...new Set(
      services.flatMap(({ runsOn }) =>
        runsOn.flatMap((place) => (place.on === 'host' && place.host.unit !== undefined ? [place.host.unit] : [])),
      ),
    ),
  ];
}
