import type { Command } from 'commander';

import type { RecordingMade } from '../../agent/index.ts';
import { parseDuration } from '../../lib/duration.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { clean } from '../render/safe.ts';
import { count } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making, type Session } from '../run-command.ts';
import { absolute, type Shell } from '../shell.ts';
import { collect, required } from '../values.ts';

interface Options extends ResourceOptions {
  readonly from: string;
  readonly until?: string;
  readonly step: string;
  readonly for?: string;
  readonly service: readonly string[];
  readonly changes?: string;
  readonly within: string;
}

const mostGapsListed = 5;

/** `record`: a stretch of the user's own telemetry as a folder that `backtest` reads. */
export function recordCommand(making: Making): Command {
  const command = resourceOptions(
    makeCommand('record', 'record a stretch of what your sources say, as a folder for "backtest"'),
  )
    .argument('<folder>', 'where to write it; it must not hold a recording yet')
    .option('--from <when>', 'where it begins: a time, or so long ago', '7d')
    .option('--until <when>', 'where it ends: a time, or so long ago (default: now)')
    .option('--step <duration>', 'how far samples lie apart', '1m')
    .option('--for <duration>', 'record what comes from now on, for so long, instead of the past')
    .option('--service <name>', 'only this service; may be repeated', collect, [])
    .option('--changes <file>', 'changes known from elsewhere: JSON, [{at, kind, service, version, previous}]')
    .option('--within <duration>', 'give up after so long', '10m');
  return onAction<Options>(making, command, run);
}

async function run({ shell, options, args, emit }: Session<Options>): Promise<undefined> {
  const folder = absolute(shell, required(args, 0));
  const { signal, clock, files } = shell;
  if ((await files.stat(`${folder}/index.json`, signal)) !== undefined)
    throw new WatchkeeperError('conflict', `${clean(folder, 500)} holds a recording already`, {
      fix: 'Name another folder: recordings are never written over.',
    });
  const { changesFromText, knownChanges, openResources, record } = await import('../../agent/index.ts');
  const nowMs = clock.nowMs();
  const { config, resources } = await openResources({ ...sourceOfResources(shell, options), signal }, nowMs);
  const told =
    options.changes === undefined ? [] : changesFromText(options.changes, await text(shell, options.changes));
  const stretch = { fromMs: moment(options.from, nowMs), untilMs: moment(options.until ?? '0s', nowMs) };
  if (stretch.fromMs >= stretch.untilMs)
    throw new WatchkeeperError('usage', '--from must lie before --until', { fix: 'For example: --from 7d --until 1h' });
  const made = await record({
    config,
    services: chosen(resources.services, options.service),
    ...stretch,
    stepMs: duration('--step', options.step),
    ...(options.for === undefined ? {} : { liveForMs: duration('--for', options.for) }),
    changes: within([...(await knownChanges(config.dataDir, signal)), ...told], stretch, options.for !== undefined),
    withinMs: duration('--within', options.within),
    environment: shell.environment,
    clock,
    random: shell.random,
    signal,
  });
  await write(shell, folder, made);
  const { services, series, samples, changes, gaps } = made;
  emit({ folder, services, series, samples, changes, gaps }, () => shown(folder, made));
  return undefined;
}

function shown(folder: string, { services, series, samples, changes, gaps }: RecordingMade): string {
  return [
    `${count(services, 'service')}, ${count(series, 'series', 'series')}, ${count(samples, 'sample')}, ${count(changes, 'change')} in ${clean(folder, 500)}`,
    ...(changes === 0 ? ['No change is known: tell them with --changes, or deploys cannot be judged.'] : []),
    ...gaps.slice(0, mostGapsListed).map((gap) => `gap: ${clean(gap)}`),
    ...(gaps.length > mostGapsListed ? [`and ${gaps.length - mostGapsListed} more gaps`] : []),
    `Now: watchkeeper backtest ${clean(folder, 500)} --report report.html`,
  ].join('\n');
}

async function write(shell: Shell, folder: string, { files }: RecordingMade): Promise<void> {
  for (const { path, text: content } of files) {
    const file = `${folder}/${path}`;
    await shell.files.makeFolder(file.slice(0, file.lastIndexOf('/')), 0o755, shell.signal);
    await shell.files.writeAtomic(file, content, 0o644, shell.signal);
  }
}

function chosen<T extends { readonly name: string }>(services: readonly T[], names: readonly string[]): readonly T[] {
  const missing = names.find((name) => !services.some((service) => service.name === name));
  if (missing !== undefined)
    throw new WatchkeeperError('not-found', `there is no service named ${clean(missing, 100)}`);
  return names.length === 0 ? services : services.filter(({ name }) => names.includes(name));
}

function within<T extends { readonly atMs: number }>(
  changes: readonly T[],
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
  live: boolean,
): readonly T[] {
  return live ? changes : changes.filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs);
}

async function text(shell: Shell, file: string): Promise<string> {
  const bytes = await shell.files.read(absolute(shell, file), limits.resourceFileBytes, shell.signal);
  return new TextDecoder().decode(bytes);
}

function duration(option: string, written: string): number {
  const ms = parseDuration(written);
  if (ms !== undefined && ms > 0) return ms;
  throw new WatchkeeperError('usage', `${option} ${clean(written, 40)} is no duration`, {
    fix: 'Write it as 90s, 5m, 7d.',
  });
}

function moment(written: string, nowMs: number): number {
  const ago = parseDuration(written);
  const ms = ago === undefined ? Date.parse(written) : nowMs - ago;
  if (!Number.isNaN(ms)) return ms;
  throw new WatchkeeperError('usage', `${clean(written, 40)} is no time`, {
    fix: 'Write a time such as 2026-01-31T08:00:00Z, or how long ago: 7d.',
  });
}
