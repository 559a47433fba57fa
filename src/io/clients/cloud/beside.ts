import type { Measured } from './sweep.ts';

/**
 * Reads metrics beside the looks at everything else, so that what does not answer there keeps no metric waiting. What is given back
 * is awaited after the looks: when they found changes, what those touch is read closely in a second go.
 */
export function readBeside(
  read: (close: ReadonlySet<string>) => Promise<Measured>,
  closeNow: () => ReadonlySet<string>,
  signal: AbortSignal,
): () => Promise<Measured> {
  const before = closeNow();
  const begun = read(before);
  // Whoever awaits it hears of it; until then the looks are awaited.
  begun.catch(() => undefined);
  return async () => {
    const first = await begun;
    const close = closeNow();
    // With no time left, it is for the next look.
    if (signal.aborted || [...close].every((one) => before.has(one))) return first;
    const more = await read(close);
    // What was read just now is not due again, and what it lacks is told by both.
    return { series: [...first.series, ...more.series], gaps: more.gaps };
  };
}
