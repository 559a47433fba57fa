import { WatchkeeperError } from '../../lib/errors.ts';
import { digest } from '../../lib/canonical.ts';
import type { Json } from '../../lib/json.ts';
import type { Change, ChangeKind } from '../../domain/change.ts';
import type { Service, TelemetryBinding } from '../../domain/service.ts';
import { seriesKey, type Gap } from '../../domain/telemetry.ts';
import { about, indexSchema } from './schema.ts';
import {
  columnByName,
  type Recorded,
  type RecordedSeries,
  type RecordingIndex,
  type ServiceAbout,
} from './recording.ts';
import { malformed, readTable } from './table.ts';

/** What the caller can read: the recording's files by their path inside the folder. */
export type ReadRecordingFile = (path: string) => Promise<string>;

/**
 * Reads a whole recording (docs/backtest.md). Only `index.json`, `signals.csv` and `changes.json` are read, never labels.
 *
 * @throws WatchkeeperError `malformed` naming the file, and the line or the entry.
 */
export async function readRecording(read: ReadRecordingFile): Promise<Recorded> {
  const index = parseIndex(await read('index.json'));
  const series: RecordedSeries[] = [];
  const changes: Change[] = [];
  const gaps: Gap[] = [];
  const services: Service[] = [];
  for (const name of index.services) {
    const known: ServiceAbout = index.about?.[name] ?? {};
    const own = seriesOf(name, known, await read(`${name}/signals.csv`));
    series.push(...own);
    changes.push(...readChanges(`${name}/changes.json`, await read(`${name}/changes.json`), name));
    gaps.push(...gapsOf(name, known));
    services.push(serviceOf(name, known, own, index.services));
  }
  if (!series.some(({ times }) => times.length > 0)) throw malformed('index.json', 'the recording holds no sample');
  changes.sort((a, b) => a.atMs - b.atMs);
  return { stepMs: index.step_s * 1_000, services, series, changes, gaps };
}

function parseIndex(text: string): RecordingIndex {
  const parsed = indexSchema.parse(parseJson('index.json', text));
  if (parsed.ok) return parsed.value;
  const issue = parsed.issues[0];
  throw malformed('index.json', `${(issue?.path ?? []).join('.')}: ${issue?.message ?? 'is not readable'}`);
}

function seriesOf(service: string, known: ServiceAbout, csv: string): readonly RecordedSeries[] {
  const file = `${service}/signals.csv`;
  const table = readTable(file, csv);
  const keys = new Map<string, string>();
  return table.columns.map((column, index) => {
    const { signal, unit, nature, labels } = about(known, column) ?? columnByName(column);
    const key = seriesKey(service, signal, labels);
    const other = keys.get(key);
    if (other !== undefined) throw malformed(`${file}:1`, `the columns ${other} and ${column} are both ${key}`);
    keys.set(key, column);
    const { times, values } = table.series[index] ?? { times: new Float64Array(), values: new Float64Array() };
    return { meta: { key, source: 'recording', service, signal, labels, unit, nature }, times, values };
  });
}

const kinds: ReadonlySet<string> = new Set<ChangeKind>([
  'deploy',
  'rollback',
  'config',
  'scale',
  'flag',
  'package',
  'restart',
  'infrastructure',
]);

/** Reads a list of changes; `service` is whose they are, where an entry does not say. @throws `malformed`. */
export function readChanges(file: string, text: string, service?: string): readonly Change[] {
  const list = parseJson(file, text);
  if (!Array.isArray(list)) throw malformed(file, 'must be a list of changes');
  return list.map((entry: unknown, index): Change => {
    const { at, kind, version, previous, what, instances, service: own } = asRecord(entry);
    const whose = service ?? own;
    if (typeof at !== 'number' || !Number.isFinite(at) || typeof kind !== 'string' || !kinds.has(kind))
      throw malformed(
        file,
        `entry ${index + 1} (${lineOfEntry(text, index)}) needs at (epoch seconds) and a known kind`,
      );
    if (typeof whose !== 'string')
      throw malformed(file, `entry ${index + 1} (${lineOfEntry(text, index)}) does not say of which service`);
    const to = typeof version === 'string' ? version : undefined;
    const from = typeof previous === 'string' ? previous : undefined;
    return {
      id: digest({ service: whose, at, kind, to: to ?? null, from: from ?? null }).slice(0, 16),
      kind: kind as ChangeKind,
      service: whose,
      atMs: at * 1_000,
      what: typeof what === 'string' ? what : 'current',
      source: 'recording',
      attributes: {},
      ...(to === undefined ? {} : { to }),
      ...(from === undefined ? {} : { from }),
      ...(isTexts(instances) ? { instances } : {}),
    };
  });
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
}

// Good enough to point at: the line on which the n-th object of the list opens.
function lineOfEntry(text: string, index: number): string {
  let depth = 0;
  let seen = -1;
  let quoted = false;
  for (let at = 0, line = 1; at < text.length; at++) {
    const letter = text[at];
    if (letter === '\n') line++;
    if (quoted) {
      if (letter === '\\') at++;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === '{' && depth++ === 0 && ++seen === index) return `line ${line}`;
    else if (letter === '}') depth--;
  }
  return 'it is no object';
}

function gapsOf(service: string, known: ServiceAbout): readonly Gap[] {
  return (known.gaps ?? []).map(({ from, until, reason, message, signal }) => ({
    source: 'recording',
    reason,
    message,
    fromMs: from * 1_000,
    untilMs: until * 1_000,
    service,
    ...(signal === undefined ? {} : { signal }),
  }));
}

function serviceOf(
  name: string,
  known: ServiceAbout,
  series: readonly RecordedSeries[],
  recorded: readonly string[],
): Service {
  const telemetry: Record<string, TelemetryBinding> = {};
  for (const { meta } of series)
    telemetry[meta.signal] = { source: meta.source, unit: meta.unit, nature: meta.nature, query: {} };
  return {
    name,
    labels: known.labels ?? {},
    owner: { team: 'recording', escalate: 'recording' },
    // A dependency that was not recorded is not there to be asked about.
    dependsOn: (known.dependsOn ?? []).filter((other) => other !== name && recorded.includes(other)),
    runsOn: [],
    telemetry,
    slos: known.slos ?? [],
    origin: 'declared',
  };
}

function parseJson(file: string, text: string): Json {
  try {
    return JSON.parse(text.replace(/^\ufeff/, '')) as Json;
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : '';
    const where = /line (\d+)/.exec(said)?.[1];
    throw new WatchkeeperError('malformed', `${file}${where === undefined ? '' : `:${where}`}: is not JSON: ${said}`, {
      cause,
    });
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
