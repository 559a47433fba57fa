import type { Change } from '../../domain/change.ts';
import type { Service } from '../../domain/service.ts';
import type { Gap, SeriesMeta } from '../../domain/telemetry.ts';
import { limits } from '../../lib/limits.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { heading } from '../backtest/table.ts';
import type { ColumnAbout, RecordedChange, RecordingIndex, ServiceAbout } from '../backtest/recording.ts';
import type { Gathered } from './gather.ts';

/** One file of a recording, by its path inside the folder. */
export interface RecordingFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The files of a recording, `index.json` last: until that is written there is no recording, so one that was cut off is
 * never mistaken for a whole one. Services without a sample are left out.
 */
export function filesOf(
  gathered: Gathered,
  services: readonly Service[],
  stretch: { readonly fromMs: number; readonly stepMs: number },
): readonly RecordingFile[] {
  const files: RecordingFile[] = [];
  const about: Record<string, ServiceAbout> = {};
  const signals = new Set<string>();
  for (const service of services) {
    const own = [...gathered.series.values()].filter(({ meta }) => meta.service === service.name);
    if (own.length === 0) continue;
    for (const { meta } of own) signals.add(meta.signal);
    const changes = [...gathered.changes.values()].filter((change) => change.service === service.name);
    files.push({ path: `${service.name}/signals.csv`, text: tableOf(service.name, own) });
    files.push({ path: `${service.name}/changes.json`, text: `${JSON.stringify(changes.map(written), null, 1)}\n` });
    about[service.name] = aboutOf(service, own, gathered.gaps);
  }
  const index: RecordingIndex = {
    services: Object.keys(about),
    step_s: stretch.stepMs / 1_000,
    start: stretch.fromMs / 1_000,
    signals: [...signals],
    about,
  };
  return [...files, { path: 'index.json', text: `${JSON.stringify(index, null, 1)}\n` }];
}

type Column = { readonly meta: SeriesMeta; readonly times: readonly number[]; readonly values: readonly number[] };

function tableOf(service: string, columns: readonly Column[]): string {
  const rows = new Map<number, string[]>();
  for (const [place, { times, values }] of columns.entries())
    for (const [at, tMs] of times.entries()) {
      const row = rows.get(tMs) ?? new Array<string>(columns.length).fill('');
      row[place] = String(values[at] ?? '');
      rows.set(tMs, row);
    }
  const lines = [['time', ...columns.map(({ meta }) => heading(headingOf(meta)))].join(',')];
  let bytes = 0;
  for (const [tMs, row] of [...rows].sort(([a], [b]) => a - b)) {
    const line = `${tMs / 1_000},${row.join(',')}`;
    if ((bytes += line.length + 1) > limits.recordingFileBytes)
      throw new WatchkeeperError('too-large', `${service}/signals.csv would be larger than a recording's file may be`, {
        fix: 'Record a shorter stretch, or a longer --step.',
      });
    lines.push(line);
  }
  return `${lines.join('\n')}\n`;
}

function headingOf({ signal, labels }: SeriesMeta): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? signal : `${signal}{${pairs.join(',')}}`;
}

function aboutOf(service: Service, columns: readonly Column[], gaps: readonly Gap[]): ServiceAbout {
  const known: Record<string, ColumnAbout> = {};
  for (const { meta } of columns) {
    const { signal, unit, nature, labels } = meta;
    known[headingOf(meta)] = { signal, unit, nature, labels };
  }
  const sources = new Set(Object.values(service.telemetry).map(({ source }) => source));
  return {
    labels: service.labels,
    dependsOn: service.dependsOn,
    slos: service.slos,
    columns: known,
    gaps: gaps
      .filter((gap) => (gap.service === undefined ? sources.has(gap.source) : gap.service === service.name))
      .map(({ fromMs, untilMs, reason, message, signal }) => ({
        from: fromMs / 1_000,
        until: untilMs / 1_000,
        reason,
        message,
        ...(signal === undefined ? {} : { signal }),
      })),
  };
}

function written({ atMs, kind, to, from, service, what, instances }: Change): RecordedChange {
  return {
    at: atMs / 1_000,
    kind,
    ...(to === undefined ? {} : { version: to }),
    ...(from === undefined ? {} : { previous: from }),
    service,
    what,
    ...(instances === undefined ? {} : { instances }),
  };
}
