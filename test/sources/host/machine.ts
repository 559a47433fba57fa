import type { ReaderIo, Sockets } from '../../../src/domain/ports/io.ts';
import type { CollectRequest, Collected, Source } from '../../../src/domain/ports/source.ts';
import type { Service } from '../../../src/domain/service.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Json } from '../../../src/lib/json.ts';
import { sourceKinds } from '../../../src/sources/index.ts';
import { watchReads } from '../../contract/source.ts';
import type { SourceWorld, Touched } from '../../contract/source.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import type { MemoryFiles } from '../../support/memory-files.ts';
import { noClusters } from '../../support/no-clusters.ts';
import { noHosts } from '../../support/no-hosts.ts';
import { recordingLog } from '../../support/quiet-log.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import type { VirtualClock } from '../../support/virtual-clock.ts';
import { noAws, noCloudHosts } from '../../support/no-aws.ts';
import { noAzure } from '../../support/no-azure.ts';
import { noGcp } from '../../support/no-gcp.ts';

/** A small Linux machine in memory, whose counters grow when time passes. */
export interface Machine extends SourceWorld {
  readonly files: MemoryFiles;
  readonly clock: VirtualClock;
  readonly touched: Touched;
  readonly host: Service;
  collect(change?: Partial<CollectRequest>): Promise<Collected>;
  /** The same machine after the daemon was started again. */
  restarted(): Source;
}

/** Counters of the machine `seconds` after boot: 25 % busy, 5 % iowait, 10 reads/s of 4 KiB and 5 ms each. */
export function procAt(seconds: number): Readonly<Record<string, string>> {
  const ticks = (share: number): number => Math.round(seconds * 200 * share);
  const cpu = `${ticks(0.15)} 0 ${ticks(0.08)} ${ticks(0.7)} ${ticks(0.05)} 0 0 ${ticks(0.02)} 0 0`;
  const disk = `${10 * seconds} 0 ${80 * seconds} ${50 * seconds} ${20 * seconds} 0 ${160 * seconds} ${100 * seconds} 0 ${250 * seconds} 0`;
  const eth = `${1_000 * seconds} 10 ${seconds} ${2 * seconds} 0 0 0 0 ${500 * seconds} 5 0 0 0 0 0 0`;
  return {
    '/proc/stat': `cpu  ${cpu}\ncpu0 ${cpu}\ncpu1 ${cpu}\nctxt 1\nbtime 1767220000\nprocs_running 1\nprocs_blocked 2\n`,
    '/proc/diskstats': ` 254 0 vda ${disk}\n 254 1 vda1 ${disk}\n 7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n 8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n`,
    '/proc/net/dev': `Inter-| Receive | Transmit\n face |bytes\n    lo: ${eth}\n  eth0:${eth}\nveth12: ${eth}\n`,
    '/proc/vmstat': `nr_free_pages 5\noom_kill ${seconds}\n`,
  };
}

const still: Readonly<Record<string, string>> = {
  '/proc/meminfo': 'MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nSwapTotal: 200 kB\nSwapFree: 150 kB\n',
  '/proc/loadavg': '3.00 2.00 1.00 1/100 4242\n',
  '/proc/sys/fs/file-nr': '1000\t0\t10000\n',
  '/proc/sys/kernel/hostname': 'Web-01.Example_com\n',
  '/proc/sys/kernel/osrelease': '6.1.0\n',
  '/proc/sys/kernel/random/boot_id': '11111111-2222-3333-4444-555555555555\n',
  '/proc/pressure/cpu':
    'some avg10=12.50 avg60=5.00 avg300=1.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  '/proc/pressure/memory':
    'some avg10=1.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=0\n',
  '/proc/pressure/io':
    'some avg10=2.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=0\n',
  '/run/systemd/timesync/synchronized': '',
  '/proc/self/mountinfo':
    '22 27 0:21 / /proc rw - proc proc rw\n' +
    '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n' +
    '29 25 0:27 / /srv/small rw,relatime - tmpfs tmpfs rw,size=4096k\n',
};

/** Sockets of a machine without a system bus. */
export const noSockets: Sockets = {
  connectUnix: (path) => Promise.reject(new WatchkeeperError('not-found', `${path}: no such socket`)),
};

export interface MachineOptions {
  readonly config?: Json;
  readonly sockets?: Sockets;
  readonly set?: (files: MemoryFiles, clock: VirtualClock) => void;
  /** Counter files that stay as `set` made them while time passes. */
  readonly frozen?: readonly string[];
  /** Wraps the files, for worlds that hang. */
  readonly wrap?: (files: MemoryFiles) => ReaderIo['files'];
}

/** Starts a machine 100 s after boot, with a source that was just opened, asked for every discovered signal. */
export async function startMachine(options: MachineOptions = {}): Promise<Machine> {
  const clock = virtualClock();
  const files = memoryFiles({ ...still, ...procAt(100) });
  options.set?.(files, clock);
  const frozen = new Set(options.frozen);
  const watched = watchReads({
    clock,
    random: seededRandom(1),
    http: { request: () => Promise.reject(new Error('the host source makes no HTTP request')) },
    files: options.wrap?.(files) ?? files,
    sockets: options.sockets ?? noSockets,
    aws: noAws,
    azure: noAzure,
    gcp: noGcp,
    cloudHosts: noCloudHosts,
    kubernetes: noClusters,
    ssh: noHosts,
    secrets: { resolve: () => Promise.reject(new Error('the host source needs no secret')) },
    log: recordingLog(),
  });
  const open = (): Source => {
    const kind = sourceKinds['host'];
    const opened = kind?.open('host', options.config ?? {}, watched.io);
    if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
    return opened.value;
  };
  const source = open();
  const [host] = await source.discover(new AbortController().signal);
  if (host === undefined) throw new Error('the machine was not discovered');
  const request: CollectRequest = {
    fromMs: clock.nowMs(),
    untilMs: clock.nowMs(),
    stepMs: 5_000,
    services: [host],
    signals: signalsOf(host),
    mode: 'live',
  };
  return {
    source,
    request,
    files,
    clock,
    host,
    touched: watched.touched,
    restarted: open,
    collect: (change = {}) => source.collect({ ...request, ...change }, new AbortController().signal),
    advance: async (ms) => {
      await clock.advance(ms);
      const now = procAt(100 + clock.monotonicMs() / 1_000);
      for (const [path, text] of Object.entries(now)) if (!frozen.has(path)) files.set(path, text);
    },
  };
}

/** All of a service's signals, as the pipeline asks for them. */
export function signalsOf(service: Service): CollectRequest['signals'] {
  return Object.entries(service.telemetry).map(([signal, binding]) => ({ service: service.name, signal, binding }));
}

/** The last value of a signal's series, by its labels. */
export function valueOf(
  answer: Collected,
  signal: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = Object.entries(labels);
  return answer.series
    .find((one) => one.signal === signal && wanted.every(([name, value]) => one.labels[name] === value))
    ?.samples.at(-1)?.v;
}
