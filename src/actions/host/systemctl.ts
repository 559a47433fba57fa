import { WatchkeeperError } from '../../lib/errors.ts';
import type { ActionContext } from '../../domain/ports/action.ts';

/** What `systemctl show` says of a unit, as far as acting needs it. */
export interface UnitState {
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  /** Changes with every start of the unit. Empty when it never ran. */
  readonly invocationId: string;
  /** Microseconds since boot. */
  readonly activeEnterUs: number;
  readonly mainPid: number;
  /** A job of systemd's is queued or running on it. */
  readonly job: number;
}

const properties = [
  'LoadState',
  'ActiveState',
  'SubState',
  'InvocationID',
  'ActiveEnterTimestampMonotonic',
  'MainPID',
  'Job',
];

/** Parses `KEY=value` lines. @throws `malformed` when the states are missing. */
export function parseUnitShow(text: string): UnitState {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  const loadState = values.get('LoadState');
  const activeState = values.get('ActiveState');
  if (loadState === undefined || activeState === undefined)
    throw new WatchkeeperError('malformed', 'systemctl show did not say LoadState and ActiveState');
  const number = (name: string): number => {
    const value = Number(values.get(name) ?? '0');
    return Number.isSafeInteger(value) && value >= 0 ? value : 0;
  };
  return {
    loadState,
    activeState,
    subState: values.get('SubState') ?? '',
    invocationId: values.get('InvocationID') ?? '',
    activeEnterUs: number('ActiveEnterTimestampMonotonic'),
    mainPid: number('MainPID'),
    job: number('Job'),
  };
}

/** Reads a unit's state. @throws `not-found` for a unit systemd does not know, `unreachable` when it cannot be asked. */
export async function showUnit(unit: string, context: ActionContext): Promise<UnitState> {
  const result = await context.io.exec.run(
    ['systemctl', 'show', `--property=${properties.join(',')}`, '--no-pager', '--', unit],
    { timeoutMs: Math.min(context.timeoutMs, 10_000), signal: context.signal },
  );
  if (result.code !== 0)
    throw new WatchkeeperError('unreachable', `systemctl show ${unit} ended with ${result.code ?? result.signalName}`);
  const state = parseUnitShow(result.stdout);
  if (state.loadState === 'not-found') throw new WatchkeeperError('not-found', `systemd knows no unit ${unit}`);
  return state;
}

/** Asks systemd to restart a unit; resolves when systemctl has ended. `ok: false` says only that systemctl was not content. */
export async function restartUnit(
  unit: string,
  context: ActionContext,
): Promise<{ readonly ok: boolean; readonly says: string }> {
  const result = await context.io.exec.run(['systemctl', 'restart', '--', unit], {
    timeoutMs: context.timeoutMs,
    signal: context.signal,
  });
  return { ok: result.code === 0, says: result.stderr.trim().slice(0, 200) };
}
