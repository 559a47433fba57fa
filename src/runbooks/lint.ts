import type { Runbook } from './runbook.ts';

/** What may be meant, and seldom is: sentences for people. Empty: nothing. */
export function lintRunbook({ name, steps }: Runbook): readonly string[] {
  return steps.flatMap(({ id, each, between }) =>
    each === undefined || between.length > 0
      ? []
      : [`runbook ${name}: step ${id} is done for each, and nobody looks between: say in "between" what must hold`],
  );
}
