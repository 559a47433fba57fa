import type { ActionResult } from '../domain/ports/action.ts';

const remembered = 1_000;

/**
 * Makes the same key have one effect within this process, for effects that leave no trace to look for. Across restarts
 * the executor's journal guards it: such a kind is not idempotent, so nothing unclear is ever repeated.
 */
export function createOnce(): (key: string, work: () => Promise<ActionResult>) => Promise<ActionResult> {
  const results = new Map<string, Promise<ActionResult>>();
  return (key, work) => {
    const known = results.get(key);
    if (known !== undefined) return known;
    const result = work();
    results.set(key, result);
    for (const oldest of results.keys()) {
      if (results.size <= remembered) break;
      results.delete(oldest);
    }
    return result;
  };
}
