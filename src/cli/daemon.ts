import { WatchkeeperError, type ErrorCode } from '../lib/errors.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { findDataDir } from './data-dir.ts';
import { absolute, type Shell } from './shell.ts';

/** Options of every command that talks to a running daemon. */
export interface DaemonOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly dataDir?: string;
}

/** A running daemon, found and ready to be asked. */
export interface Daemon {
  readonly url: string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: JsonObject): Promise<T>;
  /** A plain text answer. */
  text(path: string): Promise<string>;
}

/** What `run` leaves beside the store for the other commands. */
export interface DaemonFile {
  readonly url: string;
  readonly pid: number;
}

const smallFileBytes = 64 * 1024;
const answerBytes = 64 * 1024 * 1024;

/**
 * Finds the daemon: `--url`, then WATCHKEEPER_URL, then `daemon.json` in the data folder; and its token: `--token-file`,
 * then WATCHKEEPER_TOKEN_FILE, then `api-token` in the data folder. Nothing is asked of it yet.
 *
 * @throws `unreachable` when no daemon is known, `unauthorized` when there is no token.
 */
export async function findDaemon(shell: Shell, options: DaemonOptions): Promise<Daemon> {
  const dataDir = await findDataDir(shell, options.dataDir);
  const url = await findUrl(shell, options, dataDir);
  const token = await findToken(shell, options, dataDir);
  const ask = async (method: 'GET' | 'POST', path: string, body?: JsonObject): Promise<string> => {
    const response = await shell.http
      .request({
        method,
        url: `${url}${path}`,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        maxBytes: answerBytes,
        signal: shell.signal,
      })
      .catch((thrown: unknown) => {
        throw unreachable(url, thrown);
      });
    const text = new TextDecoder().decode(response.body);
    if (response.status >= 400) throw refused(response.status, text, url);
    return text;
  };
  return {
    url,
    get: async <T>(path: string) => parsed(await ask('GET', path), url) as T,
    post: async <T>(path: string, body: JsonObject) => parsed(await ask('POST', path, body), url) as T,
    text: (path) => ask('GET', path),
  };
}

/** Reads `daemon.json`; `undefined` when there is none. */
export async function readDaemonFile(shell: Shell, dataDir: string): Promise<DaemonFile | undefined> {
  const text = await readText(shell, `${dataDir}/daemon.json`);
  if (text === undefined) return undefined;
  const value = parsed(text, `${dataDir}/daemon.json`);
  if (typeof value === 'object' && value !== null && 'url' in value && 'pid' in value) {
    const { url, pid } = value;
    if (typeof url === 'string' && typeof pid === 'number') return { url, pid };
  }
  throw new WatchkeeperError('malformed', `${dataDir}/daemon.json does not name a daemon`, {
    fix: 'Remove the file and start the daemon again.',
  });
}

async function findUrl(shell: Shell, options: DaemonOptions, dataDir: string): Promise<string> {
  const written = options.url ?? shell.environment['WATCHKEEPER_URL'];
  const url = written ?? (await readDaemonFile(shell, dataDir))?.url;
  if (url === undefined)
    throw new WatchkeeperError('unreachable', `no daemon runs with the data folder ${dataDir}`, {
      fix: 'Start one with "watchkeeper run", or say where it is with --url or --data-dir.',
    });
  if (!/^https?:\/\/[^\s/]+\/?/.test(url))
    throw new WatchkeeperError('usage', `${JSON.stringify(url)} is not the address of a daemon`, {
      fix: 'Write it like http://127.0.0.1:7777.',
    });
  return url.replace(/\/+$/, '');
}

async function findToken(shell: Shell, options: DaemonOptions, dataDir: string): Promise<string> {
  const named = options.tokenFile ?? shell.environment['WATCHKEEPER_TOKEN_FILE'];
  const file = named === undefined ? `${dataDir}/api-token` : absolute(shell, named);
  const token = (await readText(shell, file))?.trim();
  if (token !== undefined && token !== '') return token;
  throw new WatchkeeperError('unauthorized', `there is no token in ${file}`, {
    fix:
      named === undefined
        ? 'Give the file with your token by --token-file or WATCHKEEPER_TOKEN_FILE. A daemon writes api-token only where its http.tokens name none.'
        : 'Give the file with your token by --token-file or WATCHKEEPER_TOKEN_FILE.',
  });
}

async function readText(shell: Shell, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await shell.files.read(path, smallFileBytes, shell.signal));
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'not-found') return undefined;
    if (error.code !== 'forbidden') throw error;
    throw new WatchkeeperError('forbidden', `${path} cannot be read by this user`, {
      fix: 'Run as the user of the daemon, or give your own token by --token-file.',
      cause: thrown,
    });
  }
}

function unreachable(url: string, thrown: unknown): WatchkeeperError {
  const error = WatchkeeperError.from(thrown, 'unreachable');
  if (error.code !== 'unreachable' && error.code !== 'timeout') return error;
  const what = error.code === 'timeout' ? 'did not answer in time' : 'does not answer';
  return new WatchkeeperError(error.code, `the daemon at ${url} ${what}`, {
    fix: 'See whether it runs (systemctl status watchkeeper), or start it with "watchkeeper run".',
    cause: thrown,
  });
}

const codes: ReadonlySet<string> = new Set<ErrorCode>([
  'config-invalid',
  'usage',
  'not-found',
  'conflict',
  'unauthorized',
  'forbidden',
  'rate-limited',
  'unreachable',
  'timeout',
  'aborted',
  'malformed',
  'too-large',
  'unsupported',
  'store-failed',
  'ledger-invalid',
  'fenced',
  'internal',
]);

// The daemon says its errors in our words; anything else that answers is not a daemon.
function refused(status: number, text: string, url: string): WatchkeeperError {
  const body = parsedOr(text) as { code?: unknown; detail?: unknown; fix?: unknown; message?: unknown };
  const { code, detail, fix } = body;
  if (status === 401)
    return new WatchkeeperError('unauthorized', `the daemon at ${url} does not know this token`, {
      fix: 'Give the file with your token by --token-file or WATCHKEEPER_TOKEN_FILE.',
    });
  if (typeof code === 'string' && codes.has(code) && typeof detail === 'string')
    return new WatchkeeperError(code as ErrorCode, detail, typeof fix === 'string' ? { fix } : {});
  if (typeof body.message === 'string') return new WatchkeeperError('conflict', body.message);
  return new WatchkeeperError('malformed', `${url} answered with status ${status}, not as a daemon does`, {
    fix: 'See whether --url names a Watchkeeper daemon.',
  });
}

function parsed(text: string, from: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (thrown) {
    throw new WatchkeeperError('malformed', `${from} does not hold JSON`, { cause: thrown });
  }
}

function parsedOr(text: string): Json & object {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
