import { WatchkeeperError } from '../../lib/errors.ts';
import { buildCatalog } from '../../catalog/index.ts';
import { createDetector } from '../../detectors/index.ts';
import type { DetectorDefinition } from '../../domain/definitions.ts';
import type { Log } from '../../domain/ports/io.ts';
import type { Series } from '../../domain/telemetry.ts';
import { createBank } from '../bank.ts';
import { createChangeLog } from '../changes.ts';
import type { Intake } from '../inbox.ts';
import { observe, type Observed } from '../observe.ts';
import type { WatchState } from '../watch-state.ts';
import { createWindow } from '../window.ts';
import type { Recorded } from './recording.ts';

/** What a step of the watch came to, as the daemon itself would have seen it at that moment. */
export type OnStep = (asOfMs: number, observed: Observed, definitions: readonly DetectorDefinition[]) => void;

const windowMs = 2 * 3_600_000;

/**
 * Plays a recording to the live path: the same window, bank, detectors, alerts and incidents, through the daemon's own
 * `observe`, with the recording as its source and its clock. Causal: at time t nothing later than t has been handed over.
 *
 * @throws WatchkeeperError `internal` when a detector failed; `malformed` when the recorded services cannot be together.
 */
export function play(recorded: Recorded, definitions: readonly DetectorDefinition[], onStep: OnStep): void {
  const faults: unknown[] = [];
  const bank = createBank(createDetector, logInto(faults));
  bank.replace(definitions, () => undefined);
  const built = buildCatalog(recorded.services);
  if (!built.ok)
    throw new WatchkeeperError('malformed', `index.json: ${built.issues[0]?.message ?? 'services cannot be together'}`);
  const catalog = built.value;
  const services = new Map(catalog.services.map((service) => [service.name, service]));
  const window = createWindow(windowMs, recorded.series.length);
  const changes = createChangeLog([]);
  const feed = feedOf(recorded);
  const { firstMs, lastMs } = stretchOf(recorded);
  let state: WatchState = { alerts: [], incidents: [], verdicts: new Map() };
  let ids = 0;
  for (let asOfMs = firstMs; asOfMs <= lastMs; asOfMs += recorded.stepMs) {
    const observed = observe(state, feed(asOfMs), {
      asOfMs,
      elapsedMs: asOfMs === firstMs ? 0 : recorded.stepMs,
      window,
      changes,
      bank,
      catalog,
      services,
      // A recording is what was read: what was not, its gaps say.
      sources: { has: () => true },
      gaps: recorded.gaps.filter((gap) => gap.fromMs <= asOfMs && asOfMs < gap.untilMs),
      newId: () => `incident-${++ids}`,
    });
    if (faults.length > 0) throw WatchkeeperError.from(faults[0]);
    state = observed.state;
    onStep(asOfMs, observed, definitions);
  }
}

/** The first and the last recorded moment, in epoch milliseconds. */
export function stretchOf({ series }: Recorded): { readonly firstMs: number; readonly lastMs: number } {
  let firstMs = Infinity;
  let lastMs = -Infinity;
  for (const { times } of series) {
    firstMs = Math.min(firstMs, times[0] ?? Infinity);
    lastMs = Math.max(lastMs, times[times.length - 1] ?? -Infinity);
  }
  return { firstMs, lastMs };
}

// Hands over what lies between two steps. Cursors only go forward, so a whole recording costs one pass.
function feedOf(recorded: Recorded): (asOfMs: number) => Intake {
  const cursors = new Uint32Array(recorded.series.length);
  let nextChange = 0;
  return (asOfMs) => {
    const series: Series[] = [];
    for (const [index, { meta, times, values }] of recorded.series.entries()) {
      let at = cursors[index] ?? 0;
      if ((times[at] ?? Infinity) > asOfMs) continue;
      const samples: { tMs: number; v: number }[] = [];
      for (; (times[at] ?? Infinity) <= asOfMs; at++) samples.push({ tMs: times[at] ?? 0, v: values[at] ?? 0 });
      cursors[index] = at;
      series.push({ ...meta, samples });
    }
    const from = nextChange;
    while ((recorded.changes[nextChange]?.atMs ?? Infinity) <= asOfMs) nextChange++;
    const changes = recorded.changes.slice(from, nextChange);
    return { series, logs: [], spans: [], changes, resources: [], findings: [], gaps: [] };
  };
}

/** A log for a bank: a detector that fails live must not end the watch; here it makes the result worthless, and is kept. */
export function logInto(faults: unknown[]): Log {
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (_message, fields) => void faults.push(fields?.['error'] ?? 'a detector failed'),
    child: () => log,
  };
  return log;
}
