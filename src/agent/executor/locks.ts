import type { Plan } from '../../domain/remediation.ts';
import { targetKey } from './keys.ts';

/** One execution per target at a time. Rebuilt from the stored executions at start, so that it survives restarts. */
export interface Locks {
  /** Takes all targets of a plan, or none: then the id of the execution that holds one. */
  take(id: string, plan: Plan): string | undefined;
  release(id: string): void;
  holds(id: string): boolean;
}

/**
 * Makes the locks that keep two executions off one target. They live in memory: after a restart, running executions
 * take theirs again.
 */
export function createLocks(): Locks {
  const holders = new Map<string, string>();
  return {
    take: (id, plan) => {
      const keys = plan.steps.map((step) => targetKey(step.target));
      const other = keys.map((key) => holders.get(key)).find((holder) => holder !== undefined && holder !== id);
      if (other !== undefined) return other;
      for (const key of keys) holders.set(key, id);
      return undefined;
    },
    release: (id) => {
      for (const [key, holder] of holders) if (holder === id) holders.delete(key);
    },
    holds: (id) => [...holders.values()].includes(id),
  };
}
