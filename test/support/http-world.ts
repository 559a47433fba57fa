import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { HttpRequest, HttpResponse, ReaderIo, SecretRef } from '../../src/domain/ports/io.ts';
import { memoryFiles } from './memory-files.ts';
import { noClusters } from './no-clusters.ts';
import { noHosts } from './no-hosts.ts';
import { recordingLog, type RecordedLine } from './quiet-log.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualClock, type VirtualClock } from './virtual-clock.ts';
import { noAws, noCloudHosts } from './no-aws.ts';
import { noAzure } from './no-azure.ts';
import { noGcp } from './no-gcp.ts';

/** How the scripted peer answers one request: with a response or a body, by refusing the connection (`refuse`), or never (`hang`). */
export type Respond = (request: HttpRequest) => Partial<HttpResponse> | string;

/** A reader's io on a virtual clock whose HTTP peer is a function. */
export interface HttpWorld {
  readonly io: ReaderIo;
  readonly clock: VirtualClock;
  readonly requests: HttpRequest[];
  readonly logged: readonly RecordedLine[];
  /** Replaces the peer. */
  answer(respond: Respond): void;
}

export function httpWorld(respond: Respond, secrets: Readonly<Record<string, string>> = {}): HttpWorld {
  const clock = virtualClock();
  const requests: HttpRequest[] = [];
  const log = recordingLog();
  let peer = respond;
  const request = async (sent: HttpRequest): Promise<HttpResponse> => {
    requests.push(sent);
    if (sent.signal.aborted) throw new WatchkeeperError('aborted', 'stopped');
    const answer = peer(sent);
    if (answer === 'refuse') throw new WatchkeeperError('unreachable', `${sent.url}: connection refused`);
    if (answer === 'hang') return hang(sent, clock);
    const response = typeof answer === 'string' ? { body: new TextEncoder().encode(answer) } : answer;
    const body = response.body ?? new Uint8Array();
    if (body.length > (sent.maxBytes ?? Infinity)) throw new WatchkeeperError('too-large', 'the answer is too large');
    await Promise.resolve();
    return { status: 200, headers: {}, ...response, body };
  };
  const resolve = (ref: SecretRef): Promise<string> => {
    const value = secrets[ref.file ?? ref.env ?? ''];
    return value === undefined
      ? Promise.reject(new WatchkeeperError('not-found', 'no such secret'))
      : Promise.resolve(value);
  };
  return {
    clock,
    requests,
    logged: log.lines,
    answer: (next) => void (peer = next),
    io: {
      clock,
      random: seededRandom(7),
      http: { request },
      files: memoryFiles(),
      sockets: { connectUnix: () => Promise.reject(new WatchkeeperError('unreachable', 'no sockets here')) },
      aws: noAws,
      azure: noAzure,
      gcp: noGcp,
      cloudHosts: noCloudHosts,
      kubernetes: noClusters,
      ssh: noHosts,
      secrets: { resolve },
      log,
    },
  };
}

/** A JSON response. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers, body: new TextEncoder().encode(JSON.stringify(value)) };
}

function hang(sent: HttpRequest, clock: VirtualClock): Promise<never> {
  const deadline = clock.deadline(sent.timeoutMs ?? 10_000, sent.signal);
  return new Promise((_, reject) => {
    deadline.signal.addEventListener('abort', () => {
      reject(
        sent.signal.aborted && !isTimeout(sent.signal)
          ? new WatchkeeperError('aborted', 'stopped')
          : new WatchkeeperError('timeout', 'no answer in time'),
      );
    });
  });
}

function isTimeout(signal: AbortSignal): boolean {
  return signal.reason instanceof WatchkeeperError && signal.reason.code === 'timeout';
}
