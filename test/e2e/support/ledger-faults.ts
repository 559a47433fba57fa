import { execFileSync, spawn } from 'node:child_process';
import { closeSync, cpSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { systemClock, systemRandom } from '../../../src/io/index.ts';
import { openLedger, signerFromSeed, verifyStore } from '../../../src/ledger/index.ts';
import { openSqliteStore } from '../../../src/store/index.ts';
import { peersRoot } from '../peers/peers.ts';
import { victimOrigin, type VictimLine } from './ledger-victim-says.ts';

/** Which call goes wrong, how, and which one of them: `when` as strace counts (`7` the seventh, `7+` from there on). */
export interface Fault {
  readonly call: 'fsync' | 'pwrite64';
  readonly how: 'signal=KILL' | 'error=EIO' | 'error=ENOSPC';
  readonly when: string;
}

/** How a victim ended, and everything that is wrong with that, in sentences. */
export interface Verdict {
  readonly acked: number;
  readonly end: 'killed' | 'failed' | 'done';
  readonly wrong: readonly string[];
}

let found: string | undefined;

/** The strace to use: the machine's, or the one that the peers' script fetches. @throws with what to do when there is none. */
export function strace(): string {
  if (found !== undefined) return found;
  const reasons: string[] = [];
  for (const candidate of [() => 'strace', () => path.join(peersRoot(), 'usr', 'bin', 'strace')])
    try {
      const program = candidate();
      execFileSync(program, ['-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', 'true'], { stdio: 'pipe' });
      return (found = program);
    } catch (thrown) {
      reasons.push(String(thrown));
    }
  throw new Error(
    `strace is needed and must be allowed to trace: apt-get install strace, or let test/e2e/peers/install.sh fetch it; ` +
      `in a container, allow ptrace (--cap-add SYS_PTRACE).\n${reasons.join('\n')}`,
  );
}

/** A folder of its own, with what is in `start` when that is given. */
export function faultFolder(start?: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-e2e-faults-'));
  if (start !== undefined) cpSync(start, folder, { recursive: true });
  return folder;
}

/** Runs a victim to its end, with no fault when none is given. Gives its exit code, or the signal that it died of. */
export async function runVictim(folder: string, mode: string, fault?: Fault): Promise<number | string> {
  const program = [process.execPath, path.join(import.meta.dirname, 'ledger-victim.ts'), folder, mode];
  const inject = fault === undefined ? [] : ['-e', `inject=${fault.call}:${fault.how}:when=${fault.when}`];
  // One file for each thread, so that the lines of one are in the order of its calls.
  // With seccomp-bpf strace is faster, but does not deliver the signal.
  const faster = fault?.how === 'signal=KILL' ? [] : ['--seccomp-bpf'];
  const traced = ['-f', '-ff', ...faster, '-qq', '-y', '-s', '0', '-e', 'trace=fsync,fdatasync,pwrite64,write'];
  const argv = fault === undefined ? program : [...traced, ...inject, '-o', path.join(folder, 'trace'), ...program];
  const out = openSync(path.join(folder, 'said'), 'w');
  try {
    const child =
      fault === undefined
        ? spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', out, 'inherit'] })
        : spawn(strace(), argv, { stdio: ['ignore', out, 'inherit'] });
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(signal ?? code ?? -1));
    });
  } finally {
    closeSync(out);
  }
}

/** Lets one fault happen to one victim, opens again what it left, and judges. */
export async function tryFault(start: string | undefined, mode: string, fault: Fault): Promise<Verdict> {
  const folder = faultFolder(start);
  try {
    await runVictim(folder, mode, fault);
    const said = readFileSync(path.join(folder, 'said'), 'utf8').trimEnd();
    const lines = said === '' ? [] : said.split('\n').map((line) => JSON.parse(line) as VictimLine);
    const acked = lines.flatMap((line) => line.acked ?? []);
    const failed = lines.flatMap((line) => line.failed ?? []);
    const end = failed.length > 0 ? 'failed' : lines.at(-1)?.done === true ? 'done' : 'killed';
    const wrong = [...judgeTrace(folder), ...(await judgeStore(folder, acked))];
    if (end === 'done' && !onlyFolderFailed(folder)) wrong.push('the fault did not stop it');
    for (const code of new Set(failed)) if (code !== 'store-failed') wrong.push(`it failed with ${code}`);
    return { acked: acked.length, end, wrong };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the kernel saw: nothing may be acknowledged over bytes that are not synced, or after any write or sync that failed. */
export function judgeTrace(folder: string): string[] {
  const wrong = new Set<string>();
  let unsynced = false;
  let broken: string | undefined;
  for (const { call, file, result, acked } of tracedCalls(folder)) {
    if (call === 'write') {
      if (acked && unsynced) wrong.add('it acknowledged what was not synced');
      if (acked && broken !== undefined) wrong.add(`it acknowledged after a failed ${broken}`);
    } else if (file === '') unsynced = result < 0;
    else if (result < 0) broken ??= `${call} of ${file}`;
    else if (file === 'store.db-wal') unsynced = call === 'pwrite64';
  }
  return [...wrong];
}

// SQLite goes on when it could not sync the folder. That is right only when the store has synced it after that, which
// judgeTrace looks at.
function onlyFolderFailed(folder: string): boolean {
  const failed = tracedCalls(folder).filter((call) => call.result < 0);
  return failed.length > 0 && failed.every((call) => call.file === '');
}

function tracedCalls(folder: string) {
  const said = readFileSync(path.join(folder, 'said'), 'utf8').split('\n');
  const text = readdirSync(folder)
    .filter((name) => name.startsWith('trace.'))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .filter((trace) => trace.includes('store.db'))
    .join('');
  let line = 0;
  return [...text.matchAll(/^(fsync|fdatasync|pwrite64|write)\(\d+<([^>]*)>.* = (-?\d+)/gm)].flatMap(
    ([, call = '', where = '', result]) => {
      if (where !== folder && path.dirname(where) !== folder) return [];
      const acked = call === 'write' && (said[line++] ?? '').includes('"acked"');
      return [{ call, file: path.relative(folder, where), result: Number(result), acked }];
    },
  );
}

/** What is left: it opens, it verifies, and everything acknowledged is in it. */
async function judgeStore(folder: string, acked: readonly string[]): Promise<string[]> {
  try {
    const store = await openSqliteStore({ path: path.join(folder, 'store.db') });
    try {
      const key = signerFromSeed(victimOrigin, Buffer.alloc(32, 7));
      const epoch = await store.newEpoch();
      const ledger = await openLedger({
        store,
        key,
        origin: victimOrigin,
        clock: systemClock,
        random: systemRandom,
        epoch,
      });
      const report = await verifyStore(store);
      const present = new Set((await ledger.entries(0, ledger.size())).map((entry) => entry.subject.incident));
      const lost = acked.filter((id) => !present.has(id));
      return [
        ...report.problems.map((problem) => `corrupt: ${problem.message}`),
        ...(lost.length > 0 ? [`lost although acknowledged: ${lost.join(' ')}`] : []),
      ];
    } finally {
      await store.close();
    }
  } catch (thrown) {
    return [`it does not open again: ${String(thrown)}`];
  }
}
