import type { Clock } from '../../../src/domain/ports/io.ts';
import type { LeaseBox, Leadership, LeaseRecord, Tenure } from '../../../src/domain/ports/leadership.ts';
import { createElector, type LeaseTiming } from '../../../src/agent/leadership/index.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { recordingLog } from '../../support/quiet-log.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import type { VirtualClock } from '../../support/virtual-clock.ts';

/** The one lease, and the fence of the store. */
export interface Shared {
  lease: { record: LeaseRecord; revision: number } | undefined;
  epoch: number;
}

/** How the way from one process to the lease is: there, cut, or cut behind the question so that only the answer is lost. */
export type Way = 'open' | 'cut' | 'deaf';

/** One process. While it is frozen nothing of it runs, and afterwards it goes on where it was. */
export interface SimProcess {
  readonly leadership: Leadership;
  tenure: Tenure | undefined;
  way: Way;
  freeze(): void;
  thaw(): void;
  frozen(): boolean;
  end(): void;
}

export function boxOver(shared: Shared, clock: VirtualClock, way: () => Way): LeaseBox {
  const never = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      const fail = (): void => reject(new WatchkeeperError('timeout', 'no answer'));
      if (signal.aborted) fail();
      else signal.addEventListener('abort', fail, { once: true });
    });
  const travel = (signal: AbortSignal): Promise<void> => clock.sleep(20, signal);
  return {
    read: async (signal) => {
      await travel(signal);
      if (way() !== 'open') return never(signal);
      const { lease } = shared;
      return lease && { record: lease.record, revision: String(lease.revision) };
    },
    write: async (record, over, signal) => {
      await travel(signal);
      if (way() === 'cut') return never(signal);
      if (String(shared.lease?.revision) !== String(over)) throw new WatchkeeperError('conflict', 'it has changed');
      const revision = (shared.lease?.revision ?? 0) + 1;
      shared.lease = { record, revision };
      if (way() === 'deaf') return never(signal);
      await travel(signal);
      return String(revision);
    },
    close: () => Promise.resolve(),
  };
}

/**
 * A clock as a process sees it that can be stopped: time goes on, but what was due while it was stopped is only noticed
 * when it goes on, late, as after SIGCONT.
 */
function stoppable(clock: VirtualClock): Clock & { freeze(): void; thaw(): void; frozen(): boolean } {
  let gate: { readonly promise: Promise<undefined>; readonly resolve: (value: undefined) => void } | undefined;
  const passed = async (): Promise<void> => {
    while (gate !== undefined) await gate.promise;
  };
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    sleep: async (ms, signal) => {
      try {
        await clock.sleep(ms, signal);
      } finally {
        await passed();
      }
    },
    deadline: (ms, parent) => clock.deadline(ms, parent),
    freeze: () => {
      gate ??= Promise.withResolvers<undefined>();
    },
    thaw: () => {
      const opened = gate;
      gate = undefined;
      opened?.resolve(undefined);
    },
    frozen: () => gate !== undefined,
  };
}

export function process(
  shared: Shared,
  clock: VirtualClock,
  name: string,
  timing: LeaseTiming,
  seed: number,
): SimProcess {
  const own = stoppable(clock);
  const ending = new AbortController();
  let tenure: Tenure | undefined;
  let way: Way = 'open';
  const through: LeaseBox = boxOver(shared, clock, () => way);
  // An answer that arrives while the process is stopped is taken when it goes on.
  const held = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } finally {
      if (own.frozen()) await own.sleep(0, new AbortController().signal);
    }
  };
  const box: LeaseBox = {
    read: (signal) => held(through.read(signal)),
    write: (record, over, signal) => held(through.write(record, over, signal)),
    close: () => through.close(),
  };
  const leadership = createElector({ box, clock: own, random: seededRandom(seed), log: recordingLog(), name, timing });
  void leadership.elected(ending.signal).then(
    (won) => {
      tenure = won;
    },
    () => undefined,
  );
  return {
    leadership,
    get tenure() {
      return tenure;
    },
    get way() {
      return way;
    },
    set way(next: Way) {
      way = next;
    },
    freeze: () => own.freeze(),
    thaw: () => own.thaw(),
    frozen: () => own.frozen(),
    end: () => ending.abort(),
  };
}
