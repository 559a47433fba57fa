/**
 * The demo: a real shop under real load, watched by the real daemon, in four acts. Nothing in it is played from a tape:
 * services, releases, faults, metrics, logs, decisions and the ledger come about as they would in production, and every
 * sentence of the outcome is checked against the daemon's own ledger. It exits 0 only when all of it was so.
 *
 * `stage` builds the world and takes it away again, `cast` holds its processes, `watcher` reads along, `narrator` tells,
 * `acts` and `finale` are the story. The shop itself is in examples/demo.
 */
import { WatchkeeperError } from '../../lib/errors.ts';
import { styleFor } from '../run-command.ts';
import type { Shell } from '../shell.ts';
import { actOne, actThree, actTwo, prologue } from './acts.ts';
import { finale } from './finale.ts';
import { createNarrator } from './narrator.ts';
import { setStage, type Stage } from './stage.ts';
import { watchAlong } from './watcher.ts';

/** What a viewer may ask for. */
export interface DemoOptions {
  /** Keeps the exported ledger in this folder, which must not exist yet. */
  readonly keepLedger?: string;
}

/** Plays the demo; gives the exit code: 0 when everything came out as told, else 1. Leaves nothing behind. */
export async function runDemo(outer: Shell, options: DemoOptions): Promise<number> {
  const hangUp = new AbortController();
  const onHangUp = (): void => hangUp.abort(new Error('the terminal is gone'));
  process.once('SIGHUP', onHangUp);
  // Nobody watches any more: it stops, in order, as when it is told to.
  const signal = AbortSignal.any([outer.signal, outer.unheard, hangUp.signal]);
  try {
    return await play({ ...outer, signal }, options);
  } finally {
    process.off('SIGHUP', onHangUp);
  }
}

async function play(shell: Shell, options: DemoOptions): Promise<number> {
  const startedMs = shell.clock.nowMs();
  let folder = '';
  // The folder's name would fill every line and tells nothing.
  const shorten = (text: string): string => (folder === '' ? text : text.replaceAll(`${folder}/shop/`, ''));
  const narrator = createNarrator(shell.out, styleFor(shell), startedMs, shorten);
  narrator.line('A shop, its customers and a watch over it, all real, on this machine, for about a minute and a half.');
  const stage = await setStage(shell);
  folder = stage.folder;
  try {
    narrator.does('checkout v1 and cart run, each under a supervisor; sixty customers a second buy');
    narrator.does('watchkeeper run: the daemon, as it would run in production');
    const daemon = stage.startDaemon();
    const watcher = await watchAlong(shell, stage.dataDir, daemon, (seen) => narrator.saw(seen));
    const scene = { shell, stage, watcher, narrator };
    await prologue(scene);
    await actOne(scene);
    await actTwo(scene);
    await actThree(scene);
    await finale(scene, daemon, options.keepLedger);
    narrator.line();
    narrator.holds(`all of it came out as told, in ${Math.round((shell.clock.nowMs() - startedMs) / 1_000)} s`);
    return 0;
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    narrator.line();
    narrator.fails(shell.signal.aborted ? 'stopped' : error.message);
    if (!shell.signal.aborted) narrator.quotes(await lastWords(shell, stage), 80);
    return 1;
  } finally {
    await stage.clear();
    narrator.line('Nothing is left behind: all processes have ended, and their folder is gone.');
  }
}

// For whoever wants to know why it failed: what the daemon made of the last incident, and what it logged last.
async function lastWords(shell: Shell, stage: Stage): Promise<string> {
  const ask = async (...args: string[]): Promise<string> =>
    (await stage.cast.run([...stage.cli, ...args, '--data-dir', stage.dataDir], stage.environment)).out;
  try {
    const list = JSON.parse(await ask('incidents', '--all', '--output', 'json')) as {
      readonly incidents?: readonly { readonly id: string }[];
    };
    const [last] = list.incidents ?? [];
    const explained = last === undefined ? '' : await ask('explain', last.id);
    const logged = new TextDecoder().decode(
      await shell.files.read(`${stage.folder}/daemon.out`, 64 * 1024 * 1024, new AbortController().signal),
    );
    const lines = logged.split('\n').filter((line) => line.trim() !== '');
    return [...explained.split('\n').slice(0, 60), ...lines.slice(-12).map((line) => line.slice(0, 300))].join('\n');
  } catch (thrown) {
    return WatchkeeperError.from(thrown).message;
  }
}
