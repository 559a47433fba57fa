import type { Seen, Watcher } from './watcher.ts';
import type { Narrator } from './narrator.ts';
import type { Stage } from './stage.ts';
import type { Shell } from '../shell.ts';
import { WatchkeeperError } from '../../lib/errors.ts';

/** What an act is played with. */
export interface Play {
  readonly shell: Shell;
  readonly stage: Stage;
  readonly watcher: Watcher;
  readonly narrator: Narrator;
}

/** Ends the demo unless it is so: what the screen says must have happened. */
export function claim(so: boolean, what: string): asserts so {
  if (!so) throw new WatchkeeperError('conflict', `this did not come out as told: ${what}`);
}

const baselineSamples = 22;

/** v1 runs for a while, so that the watch knows what is usual. */
export async function prologue({ watcher, narrator }: Play): Promise<void> {
  narrator.does(
    'the watch listens: a scrape a second, the log, the release folder; in half a minute it knows what is usual',
  );
  await watcher.when('checkout is measured', 60_000, async () => {
    const { services } = await watcher.status();
    const signals = services.find(({ name }) => name === 'checkout')?.signals ?? [];
    return ['errors', 'latency'].every((wanted) =>
      signals.some(({ signal, recent }) => signal === wanted && recent.length >= baselineSamples),
    );
  });
}

/** v2 is healthy, with a warm-up that a threshold would page for. */
export async function actOne(play: Play): Promise<void> {
  const { watcher, narrator, stage } = play;
  narrator.act('Act 1: a healthy deploy');
  const from = watcher.entries().length;
  narrator.does('deploying v2. It keeps prices in memory, and that memory is empty: its first seconds will be bad');
  await stage.deploy('v2');
  const change = await deployed(play, 'v2', from);
  const isOf = ({ entry }: Seen): boolean => entry.type === 'change-judged' && entry.body['change'] === change;
  let worst = 0;
  await watcher.when('v2 is judged by its errors', 60_000, async () => {
    worst = Math.max(worst, await errorsNow(watcher));
    return watcher.entries().some((seen) => isOf(seen) && seen.entry.body['signal'] === 'errors');
  });
  const verdicts = watcher.entries().filter(isOf);
  claim(
    verdicts.every(({ entry }) => entry.body['verdict'] === 'healthy'),
    'v2 is found healthy',
  );
  claim(!since(play, from, 'incident-opened') && !since(play, from, 'escalation'), 'nobody is called for v2');
  claim((await stage.currentRelease()) === 'v2', 'v2 stays');
  narrator.holds(
    `up to ${percent(worst)} of requests failed while v2 warmed up, and nobody was called: the line above says why`,
  );
}

/** v3 breaks a third of all orders. */
export async function actTwo(play: Play): Promise<void> {
  const { watcher, narrator, stage, shell } = play;
  narrator.act('Act 2: a broken deploy');
  const from = watcher.entries().length;
  narrator.does('deploying v3. It gives a discount, and forgets that guests have no loyalty programme');
  await stage.deploy('v3');
  const atMs = shell.clock.nowMs();
  const change = await deployed(play, 'v3', from);
  const opened = await next(play, from, 'incident-opened', 40_000);
  const incident = String(opened.entry.subject.incident);
  await next(play, from, 'diagnosis', 40_000, ({ entry, payload }) => {
    return entry.body['verdict'] === 'conclusive' && payload['changeId'] === change;
  });
  const decision = await next(play, from, 'decision', 20_000);
  claim(decision.entry.body['outcome'] === 'allow', 'policy allows the rollback');
  const outcome = await next(play, from, 'step-outcome', 30_000);
  narrator.holds(`v3 was live for ${seconds(outcome.entry.atMs - atMs)} until the release before it ran again`);
  await settled(play, from, incident);
  claim((await stage.currentRelease()) === 'v2', 'v2 is back');
  claim(!since(play, from, 'approval-requested'), 'nobody had to consent');
  narrator.does(`watchkeeper explain ${incident.slice(0, 13)} --data-dir ${stage.dataDir}`);
  await quote(play, ['explain', incident], 28);
}

/** v4 breaks during a freeze: the machine may not, and asks. */
export async function actThree(play: Play): Promise<void> {
  const { watcher, narrator, stage, shell } = play;
  narrator.act('Act 3: a broken deploy in a freeze');
  const from = watcher.entries().length;
  narrator.does('the season begins: a policy that freezes all changes is put into the daemon’s folder, while it runs');
  await stage.freeze(shell.clock.nowMs() - 1_000);
  await next(play, from, 'config-loaded', 20_000);
  narrator.does('somebody deploys v4 nevertheless. It never gives back what it borrows for a guest');
  await stage.deploy('v4');
  const change = await deployed(play, 'v4', from);
  const opened = await next(play, from, 'incident-opened', 60_000);
  const incident = String(opened.entry.subject.incident);
  await next(play, from, 'diagnosis', 60_000, ({ entry, payload }) => {
    return entry.body['verdict'] === 'conclusive' && payload['changeId'] === change;
  });
  const decision = await next(play, from, 'decision', 20_000);
  claim(decision.entry.body['outcome'] === 'deny' && decision.entry.body['code'] === 'freeze', 'the freeze denies it');
  await next(play, from, 'escalation', 20_000, ({ entry }) => entry.body['kind'] === 'approval-needed');
  await next(play, from, 'approval-requested', 20_000);
  claim((await stage.currentRelease()) === 'v4', 'nothing is done without consent');
  await consent(play, from, incident);
  await next(play, from, 'step-outcome', 30_000);
  await settled(play, from, incident);
  claim((await stage.currentRelease()) === 'v2', 'v2 is back');
  narrator.holds(
    'the freeze held the machine back, a person lifted it for this one plan, and both stand in the ledger',
  );
}

const viewerMs = 60_000;
const pauseMs = 3_000;

// On a terminal the viewer is waited for; nobody else is asked, so unattended runs answer themselves, and say so.
async function consent(play: Play, from: number, incident: string): Promise<void> {
  const { watcher, narrator, stage, shell } = play;
  const [waiting] = (await watcher.approvals()).filter((one) => one.incidentId === incident);
  claim(waiting !== undefined, 'a plan waits for consent');
  const plan = waiting.planId.slice(0, 12);
  const command = [...stage.cli, 'approve', plan, '--data-dir', stage.dataDir];
  narrator.line();
  narrator.does('it is your turn. In another terminal:');
  narrator.line(`\n    ${command.join(' ')}\n`);
  const given = (): boolean => since(play, from, 'approval') !== undefined;
  const patienceMs = shell.out.isTty ? viewerMs : pauseMs;
  narrator.line(
    shell.out.isTty
      ? `  (waiting ${patienceMs / 1_000} s for you)`
      : `  (nobody is at a terminal: waiting ${patienceMs / 1_000} s all the same)`,
  );
  const dueMs = shell.clock.monotonicMs() + patienceMs;
  await watcher.when(
    'the wait for consent ends',
    patienceMs + 20_000,
    () => given() || shell.clock.monotonicMs() > dueMs,
  );
  if (given()) narrator.holds('thank you');
  else {
    narrator.does('nobody answered, so the demo approves by itself, with the same command');
    await quote(play, ['approve', plan, '--comment', 'the demo approved this by itself'], 5);
  }
  await next(play, from, 'approval', 10_000);
}

/** Runs the real CLI and shows what it printed. */
export async function quote(play: Play, args: readonly string[], most: number): Promise<string> {
  const { stage, narrator } = play;
  const needsDaemon = args[0] === 'ledger' ? [] : ['--data-dir', stage.dataDir];
  const { code, out, err } = await stage.cast.run([...stage.cli, ...args, ...needsDaemon], stage.environment);
  narrator.quotes(out, most);
  claim(code === 0, `watchkeeper ${args.join(' ')} ends with 0, not ${code}: ${err.trim()}`);
  return out;
}

async function deployed(play: Play, version: string, from: number): Promise<string> {
  const seen = await next(play, from, 'change-observed', 20_000, ({ entry, payload }) => {
    return entry.subject.service === 'checkout' && payload['to'] === version;
  });
  const { id } = seen.entry.body;
  claim(typeof id === 'string', 'the change has an id');
  return id;
}

async function settled(play: Play, from: number, incident: string): Promise<void> {
  const verified = await next(play, from, 'verification', 45_000, ({ entry }) => entry.body['status'] !== 'pending');
  claim(verified.entry.body['status'] === 'passed', 'the rollback is verified to have helped');
  await next(play, from, 'incident-resolved', 45_000, ({ entry }) => entry.subject.incident === incident);
}

function next(
  { watcher }: Play,
  from: number,
  type: Seen['entry']['type'],
  withinMs: number,
  fits: (seen: Seen) => boolean = () => true,
): Promise<Seen> {
  return watcher.until(
    `the ledger tells of: ${type}`,
    withinMs,
    (seen) => seen.entry.seq >= from && seen.entry.type === type && fits(seen),
  );
}

function since({ watcher }: Play, from: number, type: Seen['entry']['type']): Seen | undefined {
  return watcher.entries().find(({ entry }) => entry.seq >= from && entry.type === type);
}

async function errorsNow(watcher: Watcher): Promise<number> {
  const { services } = await watcher.status();
  const signals = services.find(({ name }) => name === 'checkout')?.signals ?? [];
  return signals.find(({ signal }) => signal === 'errors')?.latest?.v ?? 0;
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
