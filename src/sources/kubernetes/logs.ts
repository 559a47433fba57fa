import type { ReaderIo } from '../../domain/ports/io.ts';
import type { KubernetesReader } from '../../domain/ports/kubernetes.ts';
import type { LogRecord, LogSeverity } from '../../domain/telemetry.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { PodRecord } from './records/pod.ts';
import { createBell } from './informer/bell.ts';

/** A line of a container, before it is known whose service it is. */
export interface ContainerLine {
  /** Of the pod. */
  readonly uid: string;
  readonly line: Omit<LogRecord, 'service' | 'source'>;
}

/** The last lines of containers that failed. Bounded: few at once, each container once a minute, a few kilobytes each. */
export interface FailureLogs {
  /** Wants the lines from before the last restart (or of the container that ended). */
  want(pod: PodRecord, container: string, previous: boolean): void;
  /** Lines that came since it was last asked. */
  take(): readonly ContainerLine[];
  /** The last line that a container wrote before it ended. */
  readonly lastWords: (pod: PodRecord, container: string) => string | undefined;
  readonly fault: () => WatchkeeperError | undefined;
  /** Reads what is wanted until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
  /** Reads at once: evidence for a diagnosis. */
  read(pod: PodRecord, container: string, previous: boolean, signal: AbortSignal): Promise<readonly ContainerLine[]>;
}

interface Wanted {
  readonly pod: PodRecord;
  readonly container: string;
  readonly previous: boolean;
}

const againMs = 60_000;
const mostWanted = 100;
const mostWords = 2_000;
const tailLines = 40;

/** Makes it; nothing is read before `run`. */
export function createFailureLogs(io: ReaderIo, reader: KubernetesReader, onNews: () => void): FailureLogs {
  const { clock } = io;
  const queue = new Map<string, Wanted>();
  const readMs = new Map<string, number>();
  const words = new Map<string, string>();
  const bell = createBell();
  let lines: ContainerLine[] = [];
  let fault: WatchkeeperError | undefined;

  const read: FailureLogs['read'] = async (pod, container, previous, signal) => {
    const deadline = clock.deadline(limits.kubernetesTimeoutMs, signal);
    try {
      const text = await reader.logs(
        {
          ...{ namespace: pod.namespace, pod: pod.name, container, previous, tailLines },
          maxBytes: limits.kubernetesLogBytes,
        },
        deadline.signal,
      );
      const read_ = linesOf(text, pod, container, clock.nowMs());
      const last = read_.at(-1);
      if (last !== undefined) keep(words, keyOf(pod, container), oneLine(last.line.body, 160), mostWords);
      return read_;
    } finally {
      deadline.cancel();
    }
  };
  return {
    read,
    want: (pod, container, previous) => {
      const key = keyOf(pod, container);
      if (clock.nowMs() - (readMs.get(key) ?? -Infinity) < againMs || queue.size >= mostWanted) return;
      queue.set(key, { pod, container, previous });
      bell.ring();
    },
    take: () => {
      const taken = lines;
      lines = [];
      return taken;
    },
    lastWords: (pod, container) => words.get(keyOf(pod, container)),
    fault: () => fault,
    run: async (signal) => {
      for (;;) {
        await bell.rung(signal);
        for (const [key, { pod, container, previous }] of queue) {
          if (signal.aborted) return;
          queue.delete(key);
          keep(readMs, key, clock.nowMs(), mostWords);
          try {
            lines = [...lines, ...(await read(pod, container, previous, signal))].slice(-limits.logRecordsPerCollect);
            fault = undefined;
            onNews();
          } catch (thrown) {
            const error = WatchkeeperError.from(thrown, 'unreachable');
            // A pod that is gone, or that never started, has nothing to say: no fault of anybody's.
            if (error.code !== 'not-found' && error.code !== 'config-invalid' && error.code !== 'aborted')
              fault = error;
          }
        }
        if (signal.aborted) return;
      }
    },
  };
}

function keyOf(pod: PodRecord, container: string): string {
  return `${pod.uid} ${container}`;
}

function keep<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.size > most ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}

// `2026-01-01T00:00:00.000000000Z text`: the kubelet's own stamp, then what the container wrote.
function linesOf(text: string, pod: PodRecord, container: string, nowMs: number): readonly ContainerLine[] {
  return text.split('\n').flatMap((raw): readonly ContainerLine[] => {
    const matched = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z (.*)$/.exec(raw);
    const body = (matched?.[3] ?? raw).slice(0, limits.logLineBytes / 4).trimEnd();
    if (body === '') return [];
    const stamp = matched === null ? Number.NaN : Date.parse(`${matched[1] ?? ''}.${(matched[2] ?? '0').slice(0, 3)}Z`);
    const attributes = { pod: pod.name, container, stream: 'container' };
    const tMs = Number.isNaN(stamp) ? nowMs : Math.min(stamp, nowMs);
    return [{ uid: pod.uid, line: { tMs, severity: severityOf(body), body, attributes } }];
  });
}

function severityOf(body: string): LogSeverity {
  const word = /"?(?:level|severity|lvl)"?\s*[:=]\s*"?([a-z]+)/i.exec(body)?.[1] ?? body;
  if (/\b(fatal|panic|emerg|critical|crit)/i.test(word)) return 'fatal';
  if (/\b(error|err|exception|traceback|fail(ed|ure)?)\b/i.test(word)) return 'error';
  return /\bwarn(ing)?\b/i.test(word) ? 'warn' : 'info';
}
