import type { Command } from 'commander';

import type { DoctorFinding, Readiness } from '../../agent/index.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { findDaemon } from '../daemon.ts';
import { exitCodes } from '../exit.ts';
import { clean } from '../render/safe.ts';
import { paint, type Paint, type Style } from '../render/style.ts';
import { table } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making, type Session } from '../run-command.ts';

/** `doctor`: everything the daemon stands on, a line each, with what to do. */
export function doctorCommand(making: Making): Command {
  const command = resourceOptions(
    makeCommand('doctor', 'look at everything the daemon stands on; exit 1 when something fails'),
  );
  return onAction<ResourceOptions>(making, command, async (session) => {
    const { shell, options, emit } = session;
    const { examine } = await import('../../agent/index.ts');
    const { clock, environment, nodeVersion, random, signal } = shell;
    const place = { ...sourceOfResources(shell, options), signal };
    const findings = [
      ...(await examine({ place, clock, environment, nodeVersion, random, signal })),
      await daemonFinding(session),
    ];
    emit({ findings }, (style) => renderDoctor(findings, style));
    return findings.some((one) => one.is === 'fail') ? exitCodes.no : exitCodes.ok;
  });
}

async function daemonFinding({ shell, options }: Session<ResourceOptions>): Promise<DoctorFinding> {
  try {
    const daemon = await findDaemon(shell, options.dataDir === undefined ? {} : { dataDir: options.dataDir });
    await daemon.get('/api/v1/ledger');
    const readiness = await daemon.get<Readiness>('/readyz').catch(unready);
    return readiness.ready
      ? { about: 'daemon', is: 'ok', message: `${daemon.url} answers and is ready` }
      : { about: 'daemon', is: 'warn', message: `${daemon.url} is not ready: ${readiness.reasons.join('; ')}` };
  } catch (thrown) {
    const { code, message, fix } = WatchkeeperError.from(thrown);
    const none = code === 'unreachable' && message.startsWith('no daemon runs');
    return { about: 'daemon', is: none ? 'warn' : 'fail', message, ...(fix === undefined ? {} : { fix }) };
  }
}

function unready(thrown: unknown): Readiness {
  return { ready: false, reasons: [WatchkeeperError.from(thrown).message], stale: [] };
}

const colours: Readonly<Record<DoctorFinding['is'], Paint>> = { ok: 'green', warn: 'yellow', fail: 'red' };

function renderDoctor(findings: readonly DoctorFinding[], style: Style): string {
  const rows = findings.map((one) => [
    paint(style, one.is.padEnd(4), colours[one.is]),
    clean(one.about, 60),
    `${clean(one.message)}${one.fix === undefined ? '' : ` ${paint(style, 'fix:', 'cyan')} ${clean(one.fix)}`}`,
  ]);
  const bad = findings.filter((one) => one.is === 'fail').length;
  return [table(style, rows, ''), bad === 0 ? 'Nothing stands in the way.' : `${bad} of ${findings.length} fail.`].join(
    '\n',
  );
}
