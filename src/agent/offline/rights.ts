import { WatchkeeperError } from '../../lib/errors.ts';
import type { Clock } from '../../domain/ports/io.ts';

/** How an identity in a cloud fared: what it may not do and needs to, and what it may do and should not. */
export interface RightsReport {
  readonly what: 'source' | 'operator';
  readonly id: string;
  readonly kind: 'azure' | 'gcp';
  readonly ok: boolean;
  readonly message: string;
  readonly fix?: string;
}

/** What was found of one identity. */
export interface Compared {
  readonly missing: readonly string[];
  readonly excess: readonly string[];
  /** What could not be asked about, a sentence each. */
  readonly unasked: readonly string[];
}

const shown = 8;

/** Some names, and how many more. */
export function listed(what: readonly string[]): string {
  return what.length <= shown ? what.join(', ') : `${what.slice(0, shown).join(', ')} and ${what.length - shown} more`;
}

/** What to say of it. What is too much is told and fails nothing. */
export function saidOf(
  what: RightsReport['what'],
  kind: RightsReport['kind'],
  { missing, excess, unasked }: Compared,
): Pick<RightsReport, 'ok' | 'message' | 'fix'> {
  const reads = what === 'source';
  const parts = [
    ...(missing.length === 0 ? [] : [`may not ${listed(missing)}`]),
    ...(excess.length === 0 ? [] : [`may ${listed(excess)}, which ${reads ? 'no reading' : 'no runbook'} needs`]),
    ...unasked,
  ];
  const fine = reads ? 'may read what is asked of it' : 'may do what the runbooks in force need';
  const fix = `"watchkeeper permissions ${kind}" prints the roles that are needed.`;
  return {
    ...{ ok: missing.length === 0, message: parts.length === 0 ? fine : parts.join('; ') },
    ...(missing.length === 0 ? {} : { fix }),
  };
}

/** Asks within a deadline. `notAsked`: what to say where asking is not allowed; undefined where an error is another. */
export async function reported(
  about: Pick<RightsReport, 'what' | 'id' | 'kind'>,
  { clock, signal, withinMs }: { readonly clock: Clock; readonly signal: AbortSignal; readonly withinMs: number },
  compare: (signal: AbortSignal) => Promise<Compared>,
  notAsked: (error: WatchkeeperError) => string | undefined,
): Promise<RightsReport> {
  const deadline = clock.deadline(withinMs, signal);
  try {
    return { ...about, ...saidOf(about.what, about.kind, await compare(deadline.signal)) };
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    const why = notAsked(error);
    // It can be read or acted with; what it may do is only not told.
    if (why !== undefined) return { ...about, ok: true, message: `what it may do was not compared: ${why}` };
    const { message, fix } = error;
    return { ...about, ok: false, message, ...(fix === undefined ? {} : { fix }) };
  } finally {
    deadline.cancel();
  }
}
