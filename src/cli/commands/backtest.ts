import { Option, type Command } from 'commander';

import type { BacktestAlert, BacktestOutcome } from '../../agent/index.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { clean } from '../render/safe.ts';
import type { Style } from '../render/style.ts';
import { count, table } from '../render/words.ts';
import { renderReport } from '../report/index.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making, type Session } from '../run-command.ts';
import { absolute, type Shell } from '../shell.ts';

interface Options extends ResourceOptions {
  readonly out?: string;
  readonly report?: string;
  readonly scores?: string | true;
  readonly detector?: string;
  readonly nature: 'gauge' | 'rate' | 'ratio' | 'latency' | 'state';
}

const mostListed = 20;

/** `backtest`: the detectors in force, played a recording, causally. */
export function backtestCommand(making: Making): Command {
  const command = resourceOptions(
    makeCommand('backtest', 'play a recording to the detectors in force, and show what would have fired'),
  )
    .argument('[recording]', 'the folder that "record" made; with --scores a CSV file of timestamp,value')
    .option('--out <file>', 'write the alerts there, as JSON; with --scores, the scores, as CSV')
    .option('--report <file>', 'write a report with charts there, as one HTML file')
    .option('--scores [file]', 'score each row of one series (of this file, or of the argument), and print the scores')
    .option('--detector <name>', 'only this detector of those in force; with --scores the default is kind anomaly')
    .addOption(
      new Option('--nature <nature>', 'with --scores: what the series is')
        .choices(['gauge', 'rate', 'ratio', 'latency', 'state'])
        .default('gauge'),
    );
  return onAction<Options>(making, command, (session) =>
    session.options.scores === undefined ? playRecording(session) : printScores(session, session.options.scores),
  );
}

async function playRecording({ shell, options, args, emit }: Session<Options>): Promise<undefined> {
  const [folder] = args;
  if (folder === undefined)
    throw new WatchkeeperError('usage', 'which recording?', {
      fix: 'Name a folder that "watchkeeper record" made: watchkeeper backtest FOLDER --report report.html',
    });
  const { backtest, openResources } = await import('../../agent/index.ts');
  const place = { ...sourceOfResources(shell, options), signal: shell.signal };
  const { resources } = await openResources(place, shell.clock.nowMs());
  const definitions = resources.detectors.filter(
    ({ name }) => options.detector === undefined || name === options.detector,
  );
  if (definitions.length === 0)
    throw new WatchkeeperError('not-found', `no detector named ${options.detector ?? ''} is in force`);
  const outcome = await backtest({ definitions, read: reader(shell, absolute(shell, folder)) });
  // Shadow detectors call nobody; they are in the report, and not in what is compared with what people were called for.
  const alerts = outcome.alerts.filter(({ mode }) => mode === 'active').map(written);
  const { signal } = shell;
  const write = (file: string, text: string): Promise<void> =>
    shell.files.writeAtomic(absolute(shell, file), text, 0o644, signal);
  if (options.out !== undefined) await write(options.out, `${JSON.stringify(alerts, null, 2)}\n`);
  if (options.report !== undefined) await write(options.report, renderReport(outcome));
  const { out, report } = options;
  emit({ out, report, alerts: alerts.length, pages: outcome.pages.length }, (style) => shown(outcome, options, style));
  return undefined;
}

// The form of the contract: what a scorer or a script compares.
function written(alert: BacktestAlert): Omit<BacktestAlert, 'picture' | 'mode'> {
  const { service, at, until, signal, labels, reason, detector, severity } = alert;
  return { service, at, until, signal, labels, reason, detector, severity };
}

function shown(outcome: BacktestOutcome, options: Options, style: Style): string {
  const { alerts, pages, services, detectors } = outcome;
  const lines = [
    `${count(alerts.length, 'alert')} by ${count(detectors.length, 'detector')}, ${count(pages.length, 'page')}, in ${count(services.length, 'service')}`,
    table(
      style,
      alerts
        .slice(0, mostListed)
        .map((one) => [
          new Date(one.at * 1_000).toISOString().slice(0, 16),
          clean(one.service, 60),
          clean(one.detector, 60),
          clean(one.signal, 40),
          clean(one.reason),
        ]),
    ),
    ...(alerts.length > mostListed ? [`and ${alerts.length - mostListed} more`] : []),
    ...[options.out, options.report].flatMap((file) => (file === undefined ? [] : [`written to ${clean(file, 500)}`])),
  ];
  return lines.join('\n');
}

async function printScores({ shell, options, args }: Session<Options>, scores: string | true): Promise<undefined> {
  const [argument] = args;
  const file = argument ?? (scores === true ? undefined : scores);
  if (file === undefined)
    throw new WatchkeeperError('usage', 'which series?', {
      fix: 'Name a CSV file of timestamp,value: watchkeeper backtest --scores FILE.csv',
    });
  const { openResources, pickScorer, scoreSeries } = await import('../../agent/index.ts');
  const place = { ...sourceOfResources(shell, options), signal: shell.signal };
  const inForce =
    options.detector === undefined ? [] : (await openResources(place, shell.clock.nowMs())).resources.detectors;
  const scorer = pickScorer(inForce, options.detector);
  const bytes = await shell.files.read(absolute(shell, file), limits.recordingFileBytes, shell.signal);
  const text = scoreSeries(file, new TextDecoder().decode(bytes), scorer, options.nature);
  const out = options.out ?? (argument !== undefined && typeof scores === 'string' ? scores : undefined);
  if (out === undefined) shell.out.write(text);
  else await shell.files.writeAtomic(absolute(shell, out), text, 0o644, shell.signal);
  return undefined;
}

function reader(shell: Shell, folder: string): (path: string) => Promise<string> {
  return async (path) => {
    try {
      const bytes = await shell.files.read(`${folder}/${path}`, limits.recordingFileBytes, shell.signal);
      return new TextDecoder().decode(bytes);
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown);
      if (error.code !== 'not-found') throw error;
      throw new WatchkeeperError('not-found', `${folder}/${path} is missing`, {
        fix: 'A recording has an index.json, and per service a folder with signals.csv and changes.json.',
      });
    }
  };
}
