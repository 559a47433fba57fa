/**
 * How well a bad deploy is told from a healthy one: recall, delay, pages for nothing. In worlds of the project's own making
 * (`test/support/deploys`), by shape of transient and kind of fault, with the shipped detectors as they are.
 *
 *   node bench/deploys.ts [--services N] [--seed N] [--every SECONDS] [--blind | --misled] [--list] [--write FOLDER]
 *
 * `--every` samples the same minutes more often (15: four times a minute). `--blind` empties the list of changes and `--misled` moves each by some hours: both must be clearly worse. `--list` names
 * every page for nothing and every fault missed. `--write` leaves the worlds as recordings that `watchkeeper backtest` plays.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { parse } from 'yaml';

import { parseDetector } from '../src/detectors/index.ts';
import type { DetectorDefinition } from '../src/domain/definitions.ts';
import type { ResourceDocument } from '../src/domain/document.ts';
import { fire, judge, type Judged } from '../test/support/deploys/judge.ts';
import { finer } from '../test/support/deploys/finer.ts';
import { misled } from '../test/support/deploys/misled.ts';
import { plansOf } from '../test/support/deploys/plans.ts';
import { serviceWorld, type ServiceWorld } from '../test/support/deploys/service.ts';
import { report } from './report.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '44' },
    seed: { type: 'string', default: '1' },
    every: { type: 'string', default: '60' },
    blind: { type: 'boolean', default: false },
    misled: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    write: { type: 'string' },
  },
});

const definitions = shipped();
const judged: Judged[] = [];
const cpu = process.cpuUsage();
let points = 0;
for (const plan of plansOf(Number(values.seed), Number(values.services))) {
  const world = serviceWorld(plan);
  if (values.write !== undefined) write(values.write, plan.name, world);
  const times = Math.round(60 / Number(values.every));
  const recording = times > 1 ? finer(world.recording, times, plan.seed) : world.recording;
  points += recording.series.reduce((sum, { samples }) => sum + samples.length, 0);
  const changes = values.blind ? [] : values.misled ? misled(recording) : recording.changes;
  judged.push(judge(world, fire(definitions, { ...recording, changes })));
}
const { user, system } = process.cpuUsage(cpu);
print();

function shipped(): readonly DetectorDefinition[] {
  const folder = new URL('../detectors/', import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml'));
  return names.flatMap((name) => {
    const raw = parse(readFileSync(new URL(name, folder), 'utf8')) as ResourceDocument;
    const parsed = parseDetector({ ...raw, metadata: { name: raw.metadata.name, labels: {} } });
    if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.issues)}`);
    // One on trial (shadow) calls nobody.
    const pages = parsed.value.mode === 'active';
    return pages && ['errors', 'latency', 'traffic', 'cpu', 'memory'].includes(parsed.value.on) ? [parsed.value] : [];
  });
}

function print(): void {
  const line = (cells: readonly (string | number)[]): void => {
    const [first, ...rest] = cells.map(String);
    process.stdout.write(`${(first ?? '').padEnd(24)}${rest.map((cell) => cell.padStart(12)).join('')}\n`);
  };
  line(['fault', 'caught', 'of', 'recall %', 'median min', 'p90 min']);
  const kinds = [...new Set(judged.flatMap(({ faults }) => faults.map(({ label }) => label.kind)))].sort();
  for (const kind of kinds) line([kind, ...caught(judged, (name) => name === kind)]);
  line(['all', ...caught(judged, () => true)]);
  process.stdout.write('\n');
  line(['transient', 'deploys', 'paged', 'rollbacks', 'paged', 'stray', 'recall %', 'median min', 'p90 min']);
  const families = [...new Set(judged.map(({ world }) => world.family))];
  for (const family of [...families, 'all']) {
    const of = judged.filter(({ world }) => family === 'all' || world.family === family);
    const sum = (count: (one: Judged) => number): number => of.reduce((total, one) => total + count(one), 0);
    const [, , recall, median, p90] = caught(of, () => true);
    line([
      family,
      sum((one) => one.deploys),
      sum((one) => one.pagedDeploys.length),
      sum((one) => one.rollbacks),
      sum((one) => one.pagedRollbacks.length),
      sum((one) => one.stray.length),
      recall ?? '',
      median ?? '',
      p90 ?? '',
    ]);
  }
  process.stdout.write('\n');
  if (values.list) list();
  figures();
}

function delaysOf(of: readonly Judged[], wanted: (kind: string) => boolean, leaks: boolean): readonly number[] {
  return of
    .flatMap(({ faults }) => faults)
    .filter(({ label }) => wanted(label.kind) && (leaks || !label.leak))
    .flatMap(({ delayMinutes }) => (delayMinutes === undefined ? [] : [delayMinutes]))
    .sort((a, b) => a - b);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function caught(of: readonly Judged[], wanted: (kind: string) => boolean): readonly (string | number)[] {
  const all = of.flatMap(({ faults }) => faults).filter(({ label }) => wanted(label.kind)).length;
  const delays = delaysOf(of, wanted, true);
  return [delays.length, all, ((100 * delays.length) / Math.max(1, all)).toFixed(1), at(delays, 0.5), at(delays, 0.9)];
}

function list(): void {
  const say = (what: string, service: string, family: string, atMs: number, text: string): void => {
    process.stdout.write(`${what.padEnd(9)} ${service} ${family.padEnd(15)} ${minuteOf(atMs)} ${text}\n`);
  };
  for (const { world, faults, pagedDeploys, pagedRollbacks, stray } of judged) {
    const service = world.recording.series[0]?.service ?? '';
    for (const { label, delayMinutes } of faults)
      if (delayMinutes === undefined) say('missed', service, world.family, label.fromMs, label.kind);
      else if (delayMinutes > 15 && !label.leak)
        say('slow', service, world.family, label.fromMs, `${label.kind} ${delayMinutes}m`);
    for (const one of pagedDeploys) say('deploy', service, world.family, one.atMs, `${one.detector} ${one.reason}`);
    for (const one of pagedRollbacks) say('rollback', service, world.family, one.atMs, `${one.detector} ${one.reason}`);
    for (const one of stray) say('stray', service, world.family, one.atMs, `${one.detector} ${one.reason}`);
  }
}

function minuteOf(atMs: number): string {
  const minute = Math.round((atMs - (judged[0]?.world.recording.fromMs ?? 0)) / 60_000);
  return `minute ${minute}`;
}

function figures(): void {
  const sum = (count: (one: Judged) => number): number => judged.reduce((total, one) => total + count(one), 0);
  const faults = judged.flatMap((one) => one.faults);
  const prompt = delaysOf(judged, () => true, false);
  const say = (name: string, value: number, unit: string, bar: { atLeast?: number; atMost?: number } = {}): void =>
    report({ bench: 'deploys', name, value, unit, ...bar });
  say('faults', faults.length, '');
  say('recall', (100 * delaysOf(judged, () => true, true).length) / faults.length, '%', { atLeast: 98 });
  say('pages per 100 healthy deploys', (100 * sum((one) => one.pagedDeploys.length)) / sum((one) => one.deploys), '', {
    atMost: 1,
  });
  say(
    'pages on rollbacks',
    sum((one) => one.pagedRollbacks.length),
    '',
    { atMost: 0 },
  );
  say('delay, median, leaks excepted', at(prompt, 0.5), 'min', { atMost: 3 });
  say('delay, p90, leaks excepted', at(prompt, 0.9), 'min', { atMost: 15 });
  say('stray pages a service-week', sum((one) => one.stray.length) / sum((one) => one.weeks), '', { atMost: 0.1 });
  say('processor time a point', (1_000 * (user + system)) / points, 'ns');
}

function write(folder: string, name: string, { recording, labels, judgedFromMs }: ServiceWorld): void {
  mkdirSync(`${folder}/${name}`, { recursive: true });
  const columns = recording.series.map(({ signal, samples }) => ({
    name:
      { errors: 'error_ratio', latency: 'latency_p99_ms', traffic: 'traffic_rps', cpu: 'cpu_cores' }[signal] ??
      'memory_mib',
    by: new Map(samples.map(({ tMs, v }) => [tMs, v])),
  }));
  const rows = [`time,${columns.map((one) => one.name).join(',')}`];
  for (let tMs = recording.fromMs; tMs <= recording.untilMs; tMs += recording.stepMs)
    rows.push(`${tMs / 1_000},${columns.map(({ by }) => by.get(tMs) ?? '').join(',')}`);
  writeFileSync(`${folder}/${name}/signals.csv`, `${rows.join('\n')}\n`);
  const json = (file: string, value: object): void => writeFileSync(`${folder}/${file}`, JSON.stringify(value));
  const when = (ms: number): number => ms / 1_000;
  json(
    `${name}/changes.json`,
    recording.changes.map(({ atMs, kind, to }) => ({ at: when(atMs), kind, version: to })),
  );
  json(
    `${name}/labels.json`,
    labels.map(({ fromMs, untilMs, kind, cause }) => ({ from: when(fromMs), until: when(untilMs), kind, cause })),
  );
  const dayMs = 86_400_000;
  json('index.json', {
    start: when(recording.fromMs),
    days: Math.round((recording.untilMs - recording.fromMs) / dayMs),
    quiet_days: Math.round((judgedFromMs - recording.fromMs) / dayMs),
    step_s: recording.stepMs / 1_000,
    services: readdirSync(folder).filter((one) => one.startsWith('svc-')),
  });
}
