import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { Client } from 'pg';

import { freePort, until } from './peers.ts';

/** A real PostgreSQL server on a loopback port, with a database, a user and a password of its own. */
export interface Postgres {
  readonly port: number;
  /** Its folder: `password`, `ca.pem`, and the folder of its Unix socket. */
  readonly folder: string;
  readonly passwordFile: string;
  readonly caFile: string;
  /** Runs SQL as the owner of the server, in the database `postgres` unless told. */
  sql(text: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** SIGKILL to every process of it, at once, as a machine that loses its power. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** Stops every process of it where it stands, as a machine that hangs; `resume` lets them go on. */
  freeze(): void;
  resume(): void;
  stop(): Promise<void>;
}

export const postgresUser = 'watchkeeper';
export const postgresDatabase = 'watchkeeper';

// It refuses to run as root.
const nobody = 65_534;
const isRoot = os.userInfo().uid === 0;
const owner = isRoot ? { uid: nobody, gid: nobody } : {};

let programs: string | undefined;

/** Starts one. Settings go behind its own. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<Postgres> {
  const root = unpacked();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-e2e-postgres-'));
  chmodSync(folder, 0o755);
  if (isRoot) chownSync(folder, nobody, nobody);
  const port = await freePort();
  const env = {
    PATH: process.env['PATH'] ?? '',
    LD_LIBRARY_PATH: `${root}/usr/lib/x86_64-linux-gnu:${root}/lib/x86_64-linux-gnu`,
    LC_ALL: 'C.UTF-8',
    TZ: 'GMT',
  };
  const bin = path.join(root, 'usr/lib/postgresql/15/bin');
  const data = path.join(folder, 'data');
  const password = path.join(folder, 'password');
  writeFileSync(password, 'correct horse battery staple\n', { mode: 0o600 });
  if (isRoot) chownSync(password, nobody, nobody);
  const shared = path.join(root, 'usr/share/postgresql/15');
  const init = [
    `--pgdata=${data}`,
    `--username=${postgresUser}`,
    `--pwfile=${password}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
    '-L',
    shared,
    '--no-sync',
  ];
  execFileSync(path.join(bin, 'initdb'), init, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'], ...owner });
  certify(folder, path.join(root, 'usr/bin/openssl'), env);
  const all: Readonly<Record<string, string>> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    shared_buffers: '16MB',
    ssl: 'on',
    ssl_cert_file: path.join(folder, 'server.pem'),
    ssl_key_file: path.join(folder, 'server.key'),
    ...settings,
  };
  const argv = ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  let child: ChildProcess | undefined;
  let said = '';

  const sql: Postgres['sql'] = async (text, database = 'postgres') => {
    const client = new Client({
      host: '127.0.0.1',
      port,
      database,
      user: postgresUser,
      password: readFileSync(password, 'utf8').trim(),
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of family(child?.pid)) quietly(() => process.kill(pid, name));
  };
  const crash = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    for (const pid of family(running.pid)) quietly(() => process.kill(pid, 'SIGKILL'));
    await gone;
  };
  const begin = (): void => {
    child = spawn(path.join(bin, 'postgres'), argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], ...owner });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said = `${said}${chunk.toString()}`.slice(-8_000);
      });
  };
  const start = async (): Promise<void> => {
    begin();
    const answers = async (): Promise<boolean> => {
      // It refuses to begin while a backend of the server that was killed still holds its shared memory.
      if (child?.exitCode !== null) begin();
      return (await sql('SELECT 1')).length === 1;
    };
    await until('PostgreSQL answers', answers, 60_000).catch(async (thrown: unknown) => {
      await crash();
      throw new Error(`${String(thrown)}\n${said}`);
    });
  };
  const stop = async (): Promise<void> => {
    await crash();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
    await sql(`CREATE DATABASE ${postgresDatabase}`);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return {
    port,
    folder,
    passwordFile: password,
    caFile: path.join(folder, 'server.pem'),
    sql,
    crash,
    start,
    freeze: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    stop,
  };
}

// Copied to where another user may read it: the cache is in root's home.
function unpacked(): string {
  programs ??= execFileSync('bash', [path.join(import.meta.dirname, 'postgres.sh')], { encoding: 'utf8' }).trim();
  if (!isRoot) return programs;
  const open = path.join(os.tmpdir(), `watchkeeper-e2e-${path.basename(programs)}`);
  if (existsSync(path.join(open, '.complete'))) return open;
  mkdirSync(open, { recursive: true, mode: 0o755 });
  cpSync(programs, open, { recursive: true, filter: (file) => !file.endsWith('.complete') });
  writeFileSync(path.join(open, '.complete'), '');
  return open;
}

function certify(folder: string, openssl: string, env: NodeJS.ProcessEnv): void {
  const [key, certificate] = [path.join(folder, 'server.key'), path.join(folder, 'server.pem')];
  const made = spawnSync(
    openssl,
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=database.test',
      '-addext',
      'subjectAltName=DNS:database.test,IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
    { encoding: 'utf8', env },
  );
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`);
  chmodSync(key, 0o600);
  chmodSync(certificate, 0o644);
  if (isRoot) for (const file of [key, certificate]) chownSync(file, nobody, nobody);
}

function family(pid: number | undefined): readonly number[] {
  if (pid === undefined) return [];
  const children = quietly(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')) ?? '';
  // The postmaster first: it must not start a new child while the old ones are being told.
  return [
    pid,
    ...children
      .split(' ')
      .filter((one) => one !== '')
      .map(Number),
  ];
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
