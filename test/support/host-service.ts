import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import {
  createScrubber,
  createSecrets,
  makeOperatorIo,
  readFiles,
  systemClock,
  systemRandom,
} from '../../src/io/index.ts';
import type { ActionContext } from '../../src/domain/ports/action.ts';
import type { OperatorIo } from '../../src/domain/ports/io.ts';
import type { HostPlace } from '../../src/domain/places.ts';
import type { Service } from '../../src/domain/service.ts';
import { recordingLog } from './quiet-log.ts';

/** Real hands on the real machine. `programs` comes first on the PATH, so that a test may bring its own systemctl. */
export function realHands(programs = ''): OperatorIo {
  const scrubber = createScrubber();
  return makeOperatorIo(
    { clock: systemClock, random: systemRandom, log: recordingLog(), secrets: createSecrets(readFiles, {}, scrubber) },
    `${programs}:/usr/bin:/bin`,
  );
}

/** A service that runs at a place on this host. */
export function serviceAt(host: HostPlace): Service {
  return {
    name: 'shop',
    labels: { env: 'test' },
    owner: { team: 'shop', escalate: 'shop-oncall' },
    dependsOn: [],
    runsOn: [{ on: 'host', host }],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
}

export function contextOf(service: Service, io: OperatorIo, timeoutMs = 8_000, signal?: AbortSignal): ActionContext {
  return { service, io, timeoutMs, epoch: 1, signal: signal ?? new AbortController().signal };
}

/** A fresh folder, gone after the test. The real path, since actions refuse folders behind symlinks. */
export function freshFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'watchkeeper-actions-')));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A supervised HTTP service with releases v1, v2, v3; `current` points to v3. */
export interface HostService {
  readonly folder: string;
  readonly service: Service;
  readonly pid: () => number;
  readonly answer: () => Promise<string>;
  /** How often the supervisor has started it, less the first time. */
  readonly restarts: () => Promise<number>;
  stop(): Promise<void>;
}

export async function startHostService(
  behaviour = '',
  releases: Readonly<Record<string, string>> = {},
): Promise<HostService> {
  const { folder, remove } = freshFolder();
  for (const name of ['v1', 'v2', 'v3']) {
    mkdirSync(path.join(folder, 'releases', name), { recursive: true });
    writeFileSync(path.join(folder, 'releases', name, 'behaviour'), releases[name] ?? '');
  }
  symlinkSync('releases/v3', path.join(folder, 'current'));
  writeFileSync(path.join(folder, 'behaviour'), behaviour);
  const script = path.join(import.meta.dirname, 'supervised-server.mjs');
  const supervisor = spawn(process.execPath, [script, 'supervise', folder], { stdio: 'ignore' });
  const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8').trim();
  await eventually(() => existsSync(path.join(folder, 'port')) && existsSync(path.join(folder, 'service.pid')));
  const port = read('port');
  const service = serviceAt({
    process: { pidFile: path.join(folder, 'service.pid') },
    releases: { root: path.join(folder, 'releases'), current: path.join(folder, 'current') },
    health: `http://127.0.0.1:${port}/healthz`,
  });
  return {
    folder,
    service,
    pid: () => Number(read('service.pid')),
    answer: async () => (await fetch(`http://127.0.0.1:${port}/`)).text(),
    restarts: () => Promise.resolve(read('starts').split('\n').length - 1),
    stop: async () => {
      await ended(supervisor);
      remove();
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

/** Waits until something holds; the test's own time limit ends it otherwise. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Waits until the service answers. */
export async function answers(host: HostService): Promise<void> {
  await eventually(() =>
    host.answer().then(
      () => true,
      () => false,
    ),
  );
}
