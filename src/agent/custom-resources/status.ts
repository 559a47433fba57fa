import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { Clock, Log } from '../../domain/ports/io.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import type { ObjectRef, Verdict } from '../load/feed.ts';
import { resourceOf } from './document.ts';

/** Answers in the objects' status: condition `Ready`, with the reason in words. */
export interface StatusWriter {
  /** Takes what is to be said; `current` are the objects as they are, by uid. What is said already is not written again. */
  answer(verdicts: readonly Verdict[], inForce: boolean, current: ReadonlyMap<string, KubernetesObject>): void;
  /** Writes, one after the other, until the signal fires; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

interface Condition {
  readonly type: 'Ready';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

const lookEveryMs = 250;
const betweenMs = 50;
const mostProblems = 5;
const messageChars = 4_000;

/** `operator` may patch the status of custom resources and nothing else. */
export function createStatusWriter(operator: KubernetesOperator, clock: Clock, log: Log): StatusWriter {
  let waiting = new Map<string, { readonly ref: ObjectRef; readonly condition: Condition }>();
  const failing = new Set<string>();

  const write = async (ref: ObjectRef, condition: Condition, signal: AbortSignal): Promise<void> => {
    const { observedGeneration } = condition;
    const lastTransitionTime = new Date(clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z');
    const body: JsonObject = {
      metadata: { uid: ref.uid },
      status: { observedGeneration, conditions: [{ ...condition, lastTransitionTime }] },
    };
    const where = { namespace: ref.namespace, name: ref.name };
    await operator.patch(resourceOf(ref.kind), where, { type: 'merge', body }, { subresource: 'status' }, signal);
  };
  return {
    answer: (verdicts, inForce, current) => {
      const next: typeof waiting = new Map();
      for (const verdict of verdicts) {
        const { ref } = verdict.document;
        const condition = conditionOf(verdict, inForce);
        const object = current.get(ref.uid);
        if (object !== undefined && !says(object, condition)) next.set(ref.uid, { ref, condition });
      }
      waiting = next;
    },
    run: async (signal) => {
      while (!signal.aborted) {
        const [next] = waiting;
        if (next !== undefined) {
          const [uid, { ref, condition }] = next;
          waiting.delete(uid);
          await write(ref, condition, signal).then(
            () => failing.delete(ref.kind),
            (thrown: unknown) => {
              // Gone or changed meanwhile: the next look says what is to be said then.
              const error = WatchkeeperError.from(thrown);
              if (failing.has(ref.kind) || ['aborted', 'conflict', 'not-found'].includes(error.code)) return;
              failing.add(ref.kind);
              log.warn('the status of custom resources cannot be written', { kind: ref.kind, error });
            },
          );
        }
        await clock.sleep(waiting.size > 0 ? betweenMs : lookEveryMs, signal).catch(() => undefined);
      }
    },
  };
}

function conditionOf({ document, problems, using }: Verdict, inForce: boolean): Condition {
  const common = { type: 'Ready', observedGeneration: document.ref.generation } as const;
  if (problems.length > 0) {
    const lines = problems.slice(0, mostProblems).map(({ message, excerpt = '', suggestion }) => {
      const where = excerpt.trim() === '' ? '' : `at "${excerpt.trim()}": `;
      return `${where}${message}${suggestion === undefined ? '' : `; did you mean "${suggestion}"?`}`;
    });
    const instead = using === 'nothing' ? 'It is not in force.' : 'Its last good version is in force.';
    return {
      ...common,
      status: 'False',
      reason: 'Refused',
      message: `${lines.join('\n')}\n${instead}`.slice(0, messageChars),
    };
  }
  if (!inForce)
    return {
      ...common,
      status: 'Unknown',
      reason: 'OthersRefused',
      message: 'It is right, and waits: files or policies beside it are refused, and the last good set is in force.',
    };
  return { ...common, status: 'True', reason: 'Accepted', message: 'It is in force.' };
}

function says(object: KubernetesObject, condition: Condition): boolean {
  const status = object['status'] as JsonObject | undefined;
  const conditions = (status?.['conditions'] ?? []) as readonly Json[];
  const said = conditions.find((one) => (one as JsonObject)['type'] === condition.type) as JsonObject | undefined;
  return said !== undefined && Object.entries(condition).every(([key, value]) => said[key] === value);
}
