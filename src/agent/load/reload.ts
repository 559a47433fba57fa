import { WatchkeeperError } from '../../lib/errors.ts';
import type { Clock } from '../../domain/ports/io.ts';
import { readAll, type Loaded, type LoadOptions, type LoadOutcome, type Reading } from './load-all.ts';
import type { Problem } from './problem.ts';
import { fileProblem } from './source-text.ts';

/** What one change of the files came to; the agent logs it, counts it and writes it into the ledger. */
export type ReloadReport =
  | { readonly ok: true; readonly atMs: number; readonly digest: string; readonly notes: readonly string[] }
  /** Refused: the set that was in force stays in force. */
  | { readonly ok: false; readonly atMs: number; readonly digest: string; readonly problems: readonly Problem[] };

/** What the reloader watches, how often, and whom it tells. */
export interface ReloaderOptions {
  readonly load: LoadOptions;
  readonly clock: Clock;
  /** The digest of the set in force: what `loadAll` returned at the start. */
  readonly digest: string;
  /** That set itself. With it, a folder that held resources and is suddenly empty is refused. */
  readonly loaded?: Loaded;
  /** How often the files are looked at. */
  readonly everyMs: number;
  /** The files must read the same twice, this far apart, before a change is taken. Default 500. */
  readonly settleMs?: number;
  /** Puts a checked set in force, as one assignment. What it throws is reported, and the old set stays. */
  readonly apply: (loaded: Loaded, digest: string) => void;
  readonly report: (report: ReloadReport) => void;
}

/** Loads again whenever the content changes; the last good set stays in force until a whole new one is right. */
export interface Reloader {
  /** Looks until the signal fires. Resolves then; never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Looks once, now. The report when the files had changed, else `undefined`. Concurrent calls share one look. */
  check(signal: AbortSignal): Promise<ReloadReport | undefined>;
  /** The digest of the set in force. */
  readonly digest: string;
}

const settleTries = 20;

/**
 * Watches the configuration and resource folders by reading them again: content decides, not mtime or notifications,
 * so symlink swaps (kubelet), network file systems and restored backups all work. A changed set is checked as a whole
 * and swapped whole, or refused whole; each refused content is reported once.
 */
export function createReloader(options: ReloaderOptions): Reloader {
  const { clock } = options;
  let inForce = options.digest;
  let seen = options.digest;
  let { loaded } = options;
  // What is right in itself and could not be put in force: tried again, since that may pass, and told once.
  let stuck: string | undefined;
  let looking: Promise<ReloadReport | undefined> | undefined;

  const look = async (signal: AbortSignal): Promise<ReloadReport | undefined> => {
    const load = { ...options.load, config: { ...options.load.config, signal } };
    const first = await readAll(load);
    if (first.digest === seen && stuck === undefined) return undefined;
    const settled = await settle(first, load, clock, options.settleMs ?? 500, signal);
    if (settled.digest === seen && stuck === undefined) return undefined;
    const before = settled.digest === seen ? stuck : undefined;
    seen = settled.digest;
    const outcome = settled.check();
    const report = take(outcome, loaded, options);
    if (report.ok) inForce = report.digest;
    if (report.ok && outcome.ok) loaded = outcome.value;
    stuck = outcome.ok && !report.ok ? report.problems.map(({ message }) => message).join('\n') : undefined;
    if (stuck === undefined || stuck !== before) options.report(report);
    return report;
  };

  const check = (signal: AbortSignal): Promise<ReloadReport | undefined> => {
    looking ??= look(signal).finally(() => {
      looking = undefined;
    });
    return looking;
  };

  return {
    check,
    run: async (signal) => {
      while (!signal.aborted) {
        try {
          await clock.sleep(options.everyMs, signal);
          await check(signal);
        } catch (thrown) {
          if (stopped(signal)) return;
          options.report(refusal(clock.nowMs(), inForce, thrown));
        }
      }
    },
    get digest() {
      return inForce;
    },
  };
}

// A call, because the signal may have fired since the last look.
function stopped(signal: AbortSignal): boolean {
  return signal.aborted;
}

// A folder that is being copied into reads differently from moment to moment. One that never rests is taken as it is.
async function settle(
  first: Reading,
  load: LoadOptions,
  clock: Clock,
  settleMs: number,
  signal: AbortSignal,
): Promise<Reading> {
  let last = first;
  for (let i = 0; i < settleTries; i++) {
    await clock.sleep(settleMs, signal);
    const next = await readAll(load);
    if (next.digest === last.digest) return next;
    last = next;
  }
  return last;
}

function take(outcome: LoadOutcome, before: Loaded | undefined, { clock, apply }: ReloaderOptions): ReloadReport {
  const atMs = clock.nowMs();
  const problems = outcome.ok ? emptied(outcome.value, before) : outcome.problems;
  if (!outcome.ok || problems.length > 0) return { ok: false, atMs, digest: outcome.digest, problems };
  try {
    apply(outcome.value, outcome.digest);
    return { ok: true, atMs, digest: outcome.digest, notes: outcome.notes };
  } catch (thrown) {
    return refusal(atMs, outcome.digest, thrown);
  }
}

// A mount that went away or a checkout that failed looks like a wish for nothing at all: no policies, no services.
function emptied(loaded: Loaded, before: Loaded | undefined): readonly Problem[] {
  if (before === undefined) return [];
  return loaded.resources.empty
    .filter((folder) => before.config.resources.includes(folder) && !before.resources.empty.includes(folder))
    .map((folder) =>
      fileProblem(
        folder,
        'the folder held resources and is empty now; take it out of watchkeeper.yaml if that is meant',
      ),
    );
}

function refusal(atMs: number, digest: string, thrown: unknown): ReloadReport {
  const { message } = WatchkeeperError.from(thrown);
  return { ok: false, atMs, digest, problems: [fileProblem('watchkeeper.yaml', message)] };
}
