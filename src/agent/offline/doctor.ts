import { WatchkeeperError } from '../../lib/errors.ts';
import { formatDuration } from '../../lib/duration.ts';
import { readFiles } from '../../io/index.ts';
import { readStoredEntries, verifyStore } from '../../ledger/index.ts';
import { openStoreToRead, storePath } from '../stores.ts';
import { checkConnections, quietAmbient, type ConnectionIo } from './connections.ts';
import type { Config } from '../load/index.ts';
import { checkResources, openResources, type ResourcePlace } from './resources.ts';

/** One thing the doctor looked at. */
export interface Finding {
  readonly about: string;
  readonly is: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly fix?: string;
}

/** What the doctor is told of the process it runs in. */
export interface Patient extends ConnectionIo {
  readonly place: ResourcePlace;
  /** `v24.21.0`. */
  readonly nodeVersion: string;
}

type Opened = Awaited<ReturnType<typeof openResources>>;

const oldestNode = 24;
const leastFreeBytes = 512 * 1024 * 1024;
// Far before the first release: a clock that says so was never set.
const earliestMs = Date.UTC(2026, 0, 1);
const skewMs = 5_000;

/** Looks at everything the daemon stands on. Reads only; each finding says what to do. */
export async function examine(patient: Patient): Promise<readonly Finding[]> {
  const resources = await resourcesOf(patient);
  const opened = await openedOf(patient);
  const config = opened?.config;
  const dataDir = config?.dataDir ?? patient.place.dataDir;
  return [
    node(patient.nodeVersion),
    clock(patient),
    ...resources,
    ...(await folder(dataDir, patient)),
    ...(await storeAndLedger(dataDir, config, patient)),
    ...(opened ? await connections(opened, patient) : []),
  ];
}

function node(version: string): Finding {
  const major = Number(/^v?(\d+)/.exec(version)?.[1]);
  if (major >= oldestNode) return { about: 'node', is: 'ok', message: `Node ${version}` };
  return {
    about: 'node',
    is: 'fail',
    message: `Node ${version} is too old`,
    fix: `Run on Node ${oldestNode} or newer.`,
  };
}

function clock({ clock: time }: Patient): Finding {
  const nowMs = time.nowMs();
  const stamp = new Date(nowMs).toISOString();
  if (nowMs > earliestMs) return { about: 'clock', is: 'ok', message: stamp };
  return { about: 'clock', is: 'fail', message: `${stamp} cannot be right`, fix: 'Set the clock, and keep it by NTP.' };
}

async function resourcesOf({ place }: Patient): Promise<readonly Finding[]> {
  const report = await checkResources(place);
  const notes = report.notes.map((message): Finding => ({ about: 'files', is: 'warn', message }));
  if (report.ok) {
    const counts = Object.entries(report.counts).map(([kind, many]) => `${many} ${kind}`);
    return [{ about: 'files', is: 'ok', message: counts.join(', ') || 'no resources' }, ...notes];
  }
  const [first = ''] = report.rendered.split('\n');
  return [{ about: 'files', is: 'fail', message: first, fix: 'Run "watchkeeper check": it shows every problem.' }];
}

async function openedOf({ place, clock: time }: Patient): Promise<Opened | undefined> {
  try {
    return await openResources(place, time.nowMs());
  } catch (thrown) {
    if (WatchkeeperError.from(thrown).code === 'config-invalid') return undefined;
    throw thrown;
  }
}

async function folder(dataDir: string, { signal }: Patient): Promise<readonly Finding[]> {
  const about = 'data folder';
  const stat = await readFiles.stat(dataDir, signal);
  if (stat === undefined) return [{ about, is: 'warn', message: `${dataDir} is not there yet; "run" creates it` }];
  const open = (stat.mode & 0o077) !== 0;
  const { availableBytes } = await readFiles.diskUsage(dataDir, signal);
  const free = `${Math.floor(availableBytes / 1024 / 1024).toLocaleString('en')} MiB free`;
  return [
    open
      ? {
          about,
          is: 'warn',
          message: `${dataDir} can be read by others (mode ${(stat.mode & 0o777).toString(8)})`,
          fix: `Run: chmod 700 ${dataDir}`,
        }
      : { about, is: 'ok', message: `${dataDir}, for its owner alone` },
    availableBytes < leastFreeBytes
      ? { about: 'disk', is: 'fail', message: free, fix: 'Free space there: without it nothing can be recorded.' }
      : { about: 'disk', is: 'ok', message: free },
  ];
}

async function storeAndLedger(
  dataDir: string,
  config: Config | undefined,
  patient: Patient,
): Promise<readonly Finding[]> {
  const where = config ?? ({ dataDir, store: { kind: 'sqlite' } } as const);
  const none: Finding = { about: 'store', is: 'ok', message: 'none yet; "run" creates it' };
  if (where.store.kind === 'sqlite' && (await readFiles.stat(storePath(dataDir), patient.signal)) === undefined)
    return [none];
  try {
    const store = await openStoreToRead(where, quietAmbient(patient));
    try {
      const { engine, bytes } = await store.info();
      const size = await store.ledgerSize();
      const [last] = size === 0 ? [] : await readStoredEntries(store, size - 1, 1);
      const early = last && last.entry.atMs > patient.clock.nowMs() + skewMs;
      const report = await verifyStore(store);
      return [
        { about: 'store', is: 'ok', message: `${engine}, ${Math.ceil(bytes / 1024).toLocaleString('en')} KiB` },
        ledgerFinding(size, report.ok, report.problems[0]?.message),
        ...(early ? [behind(last.entry.atMs - patient.clock.nowMs())] : []),
      ];
    } finally {
      await store.close();
    }
  } catch (thrown) {
    const { code, message, fix } = WatchkeeperError.from(thrown);
    if (code === 'not-found' && where.store.kind === 'postgres' && message.startsWith('there is no store'))
      return [none];
    return [{ about: 'store', is: 'fail', message, ...(fix === undefined ? {} : { fix }) }];
  }
}

function ledgerFinding(size: number, ok: boolean, problem: string | undefined): Finding {
  if (ok) return { about: 'ledger', is: 'ok', message: `${size.toLocaleString('en')} entries verify` };
  return {
    about: 'ledger',
    is: 'fail',
    message: problem ?? 'it does not verify',
    fix: 'Keep the data folder for inspection; "watchkeeper ledger verify" names everything that is damaged.',
  };
}

function behind(byMs: number): Finding {
  return {
    about: 'clock',
    is: 'fail',
    message: `the last ledger entry is ${formatDuration(byMs)} ahead of this clock`,
    fix: 'Set the clock, and keep it by NTP.',
  };
}

async function connections({ config, resources }: Opened, patient: Patient): Promise<readonly Finding[]> {
  const reports = await checkConnections(config, resources, patient);
  return reports.map(({ what, id, kind, ok, message, fix }): Finding => ({
    about: `${what} ${id}`,
    is: ok ? 'ok' : 'fail',
    message: `${kind}: ${message}`,
    ...(fix === undefined ? {} : { fix }),
  }));
}
