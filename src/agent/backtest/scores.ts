import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { createDetector, parseDetector } from '../../detectors/index.ts';
import { seriesKey, type Series, type SeriesMeta } from '../../domain/telemetry.ts';
import type { DetectorDefinition } from '../../domain/definitions.ts';
import type { Finding } from '../../domain/alert.ts';
import type { Service } from '../../domain/service.ts';
import { createBank } from '../bank.ts';
import { logInto } from './play.ts';
import { malformed, readNumber } from './table.ts';

/**
 * Shows a detector one bare series, `timestamp,value` in CSV, one row a step, as the live bank would: what it says of row
 * k has seen rows 0 to k. Gives `timestamp,value,anomaly_score` with a row for each row, in the file's order; the score
 * lies in [0, 1]. A row whose time is not later than every row before it is late: the live path takes no sample back in
 * time, so the detector is not shown it, and it scores 0. So of rows with equal times the first counts. An empty value
 * or `NaN` is a hole and scores 0.
 *
 * @throws WatchkeeperError `malformed` naming the line; `too-large`.
 */
export function scoreSeries(
  file: string,
  text: string,
  definition: DetectorDefinition,
  nature: SeriesMeta['nature'] = 'gauge',
): string {
  const score = scorer(definition, nature);
  const lines = text.replace(/^\ufeff/, '').split('\n');
  const columns = (lines[0] ?? '').trim().split(',');
  const timeAt = columns.indexOf('timestamp');
  const valueAt = columns.indexOf('value');
  if (timeAt < 0 || valueAt < 0) throw malformed(`${file}:1`, 'the first line must name timestamp and value');
  if (lines.length > limits.scoreRows)
    throw new WatchkeeperError('too-large', `${file} has more than ${limits.scoreRows} rows`);
  const out = ['timestamp,value,anomaly_score'];
  let newestMs = -Infinity;
  for (let at = 1; at < lines.length; at++) {
    const line = (lines[at] ?? '').trim();
    if (line === '') continue;
    const cells = line.split(',');
    if (cells.length !== columns.length)
      throw malformed(`${file}:${at + 1}`, `has ${cells.length} cells where the first line has ${columns.length}`);
    const stamp = (cells[timeAt] ?? '').trim();
    const written = (cells[valueAt] ?? '').trim();
    const tMs = readTime(stamp);
    if (tMs === undefined)
      throw malformed(`${file}:${at + 1}`, `${JSON.stringify(stamp.slice(0, 40))} is no timestamp`);
    const v = readNumber(written);
    if (v === undefined) throw malformed(`${file}:${at + 1}`, `${JSON.stringify(written.slice(0, 40))} is no number`);
    const told = Number.isNaN(v) || tMs <= newestMs ? 0 : score(tMs, v);
    newestMs = Math.max(newestMs, tMs);
    out.push(`${stamp},${written},${Number(told.toFixed(9))}`);
  }
  return `${out.join('\n')}\n`;
}

/**
 * The detector that scores a series: the one in force of that name, or with no name kind `anomaly` as it is by default.
 *
 * @throws WatchkeeperError `not-found` for a name that is not in force.
 */
export function pickScorer(inForce: readonly DetectorDefinition[], named: string | undefined): DetectorDefinition {
  if (named !== undefined) {
    const found = inForce.find((one) => one.name === named);
    if (found !== undefined) return found;
    throw new WatchkeeperError('not-found', `no detector named ${named} is in force`, {
      fix: `Name one of ${inForce.map((one) => one.name).join(', ')}.`,
    });
  }
  const parsed = parseDetector({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Detector',
    metadata: { name: 'scorer', labels: {} },
    spec: { on: signal, kind: 'anomaly' },
  });
  if (parsed.ok) return parsed.value;
  throw new WatchkeeperError('unsupported', parsed.issues[0]?.message ?? 'there is no detector that scores', {
    fix: 'Name a detector that is in force with --detector.',
  });
}

const name = 'series';
const signal = 'value';

function scorer(definition: DetectorDefinition, nature: SeriesMeta['nature']): (tMs: number, v: number) => number {
  const failed: unknown[] = [];
  const bank = createBank(createDetector, logInto(failed));
  // What is scored stands for a service that runs nowhere.
  const { runsOn: _runsOn, ...rule } = definition;
  bank.replace([{ ...rule, on: signal, services: {} }], () => undefined);
  const unit = nature === 'ratio' ? 'ratio' : '1';
  const service: Service = {
    name,
    labels: {},
    owner: { team: name, escalate: name },
    dependsOn: [],
    runsOn: [],
    telemetry: { [signal]: { source: 'file', unit, nature, query: {} } },
    slos: [],
    origin: 'declared',
  };
  const meta = {
    key: seriesKey(name, signal, {}),
    source: 'file',
    service: name,
    signal,
    labels: {},
    unit,
    nature,
  };
  // Watched from the start, so that the detector also says what is good, and how surprising it was.
  const context = {
    services: new Map([[name, service]]),
    changesOf: () => [],
    dependenciesOf: () => [],
    dependentsOf: () => [],
    isRead: () => true,
    isWatched: () => true,
  };
  return (tMs, v) => {
    const series: Series[] = [{ ...meta, samples: [{ tMs, v }] }];
    const batch = { asOfMs: tMs, series, logs: [], changes: [], external: [], gaps: [] };
    const findings = bank.step(batch, context);
    if (failed.length > 0) throw WatchkeeperError.from(failed[0]);
    return scoreOf(findings);
  };
}

// A kind that grades every sample says so in `numbers.score`; of another, how sure it is that something is bad.
function scoreOf(findings: readonly Finding[]): number {
  let most = 0;
  for (const { state, numbers, confidence } of findings) {
    const graded = numbers['score'] ?? (state === 'bad' ? confidence : 0);
    most = Math.max(most, Math.min(1, Math.max(0, graded)));
  }
  return most;
}

/** Epoch seconds or milliseconds, or ISO 8601 (`2014-04-01 00:00:00` too; without a zone it is UTC), as epoch milliseconds. */
export function readTime(text: string): number | undefined {
  if (/^-?\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    // Seconds until the year 5138; beyond that it is milliseconds.
    return Math.abs(number) < 1e11 ? Math.round(number * 1_000) : Math.round(number);
  }
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  if (match === null) return undefined;
  const [, day = '', time = '00:00', zone = 'Z'] = match;
  const ms = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(ms) ? undefined : ms;
}
