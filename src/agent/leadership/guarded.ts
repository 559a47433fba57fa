import { WatchkeeperError } from '../../lib/errors.ts';
import type { AwsSession, AwsSessionWish } from '../../domain/ports/aws.ts';
import type { AzureSession, AzureSessionWish } from '../../domain/ports/azure.ts';
import type { GcpSessionWish } from '../../domain/ports/gcp.ts';
import type { Channel } from '../../domain/ports/channel.ts';
import type { HttpRequest, OperatorIo } from '../../domain/ports/io.ts';
import type { Tenure } from '../../domain/ports/leadership.ts';
import type { Ledger } from '../../domain/ports/ledger.ts';

/**
 * The operator's ports, each asking the lease in the same turn in which it touches the world. A process that was stopped
 * in the middle of a step and goes on when it no longer leads comes past one of these before it changes anything more.
 *
 * @throws WatchkeeperError `fenced` where the tenure is over.
 */
export function guardedIo(io: OperatorIo, tenure: Tenure): OperatorIo {
  const { http, files, exec, processes, kubernetes, aws, azure, gcp, ssh } = io;
  const demand = (): void => {
    if (tenure.surely(0)) return;
    throw new WatchkeeperError('fenced', 'this replica no longer leads: nothing more is done');
  };
  const guarded =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      demand();
      return call(...args);
    };
  return {
    ...io,
    http: { request: guarded((request: HttpRequest) => http.request(admitted(request, tenure))) },
    files: {
      ...files,
      writeAtomic: guarded(files.writeAtomic.bind(files)),
      replaceSymlink: guarded(files.replaceSymlink.bind(files)),
      unlink: guarded(files.unlink.bind(files)),
      makeFolder: guarded(files.makeFolder.bind(files)),
    },
    exec: { run: guarded(exec.run.bind(exec)) },
    processes: {
      kill: (pid, signalName) => {
        demand();
        processes.kill(pid, signalName);
      },
    },
    aws: {
      session: guarded(async (wish: AwsSessionWish, signal: AbortSignal): Promise<AwsSession> => {
        const session = await aws.session(wish, signal);
        return { ...session, ask: guarded(session.ask.bind(session)) };
      }),
    },
    azure: {
      session: guarded(async (wish: AzureSessionWish, signal: AbortSignal): Promise<AzureSession> => {
        const session = await azure.session(wish, signal);
        return { ask: guarded(session.ask.bind(session)) };
      }),
    },
    gcp: {
      session: (wish: GcpSessionWish) => {
        const session = gcp.session(wish);
        return { ...session, ask: guarded(session.ask.bind(session)) };
      },
    },
    kubernetes: {
      operator: (cluster) => {
        const operator = kubernetes.operator(cluster);
        return {
          ...operator,
          create: guarded(operator.create.bind(operator)),
          patch: guarded(operator.patch.bind(operator)),
          replace: guarded(operator.replace.bind(operator)),
          remove: guarded(operator.remove.bind(operator)),
        };
      },
    },
    ssh: {
      ...ssh,
      operator: (source) => {
        const operator = ssh.operator(source);
        return { ...operator, act: guarded(operator.act.bind(operator)) };
      },
    },
  };
}

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD']);

// Asked again when the connection stands and nothing was sent yet: a name may take a while to be resolved.
function admitted(request: HttpRequest, tenure: Tenure): HttpRequest {
  if (safe.has(request.method)) return request;
  return { ...request, admit: (address) => tenure.surely(0) && (request.admit?.(address) ?? true) };
}

/** Channels that tell nobody anything once the tenure is over: the next leader does, under the same id. */
export function guardedChannel(channel: Channel, tenure: Tenure): Channel {
  return {
    id: channel.id,
    kind: channel.kind,
    traits: channel.traits,
    post: async (notice, address, signal, thread) => {
      if (!tenure.surely(0)) return { is: 'failed', reason: 'this replica no longer leads', retryable: true };
      return channel.post(notice, address, signal, thread);
    },
    ...(channel.settled === undefined ? {} : { settled: channel.settled.bind(channel) }),
    ...(channel.listen === undefined ? {} : { listen: channel.listen.bind(channel) }),
    ...(channel.receive === undefined ? {} : { receive: channel.receive.bind(channel) }),
    check: (signal) => channel.check(signal),
    close: () => channel.close(),
  };
}

/** A ledger whose failure ends the tenure: a fenced writer was deposed, and a store that failed or is gone may be there for another. */
export function guardedLedger(ledger: Ledger, tenure: Tenure): Ledger {
  return {
    ...ledger,
    record: async (batch) => {
      try {
        return await ledger.record(batch);
      } catch (thrown) {
        const { code, message } = WatchkeeperError.from(thrown);
        if (ending.has(code)) tenure.resign(message);
        throw thrown;
      }
    },
  };
}

// Unreachable: the executor has halted on it, so this process would hold the lease and do nothing.
const ending: ReadonlySet<string> = new Set(['fenced', 'store-failed', 'ledger-invalid', 'unreachable']);
