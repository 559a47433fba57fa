import { afterEach, describe, expect, it } from 'vitest';

import type { HttpRequest, ReaderIo } from '../../src/domain/ports/io.ts';
import type { Collected, CollectRequest, Source } from '../../src/domain/ports/source.ts';
import type { GapReason } from '../../src/domain/telemetry.ts';
import { limits } from '../../src/lib/limits.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';

/** One state of the outside world, with a source that reads it and a request that touches what is broken. */
export interface SourceWorld {
  readonly source: Source;
  readonly request: CollectRequest;
  /** Lets virtual time pass (or waits a little in real time), so that deadlines inside the source can fire. */
  advance(ms: number): Promise<void>;
  /** What `watchReads` saw, when the world's io was wrapped by it. */
  readonly touched?: Touched;
  /** Requests with a body that only read (a query too long for a URL): `POST /api/v1/query_range`. */
  readonly readOnlyPosts?: readonly string[];
  /** Overrides the reason the condition implies, where this kind of source has a truer word. */
  readonly reason?: GapReason;
  close?(): Promise<void>;
}

/** Ways in which a world can be ill, with the reason the gaps must name. */
export const conditions = {
  unauthorized: 'unauthorized',
  forbidden: 'unauthorized',
  unreachable: 'unreachable',
  malformed: 'malformed',
  hanging: 'timeout',
} as const satisfies Record<string, GapReason>;

export interface SourceContract {
  /** A world where everything asked for can be read, perhaps after two collects (rates need two readings). */
  readonly healthy: () => Promise<SourceWorld>;
  /** One world per condition. A condition that cannot befall this kind of source is left out, with the reason why. */
  readonly ill: Readonly<
    Record<keyof typeof conditions, (() => Promise<SourceWorld>) | { readonly cannotHappen: string }>
  >;
  /** A world where one of several things asked for is broken and the rest can be read. */
  readonly partial: () => Promise<SourceWorld>;
  /** A world that offers more than the limits allow. */
  readonly flood: () => Promise<SourceWorld>;
}

/** What every source promises, whatever it reads. Call it once per kind, at the top of a test file. */
export function sourceContract(name: string, contract: SourceContract): void {
  describe(`source contract: ${name}`, () => {
    const open: SourceWorld[] = [];
    const enter = async (make: () => Promise<SourceWorld>): Promise<SourceWorld> => {
      const world = await make();
      open.push(world);
      return world;
    };
    afterEach(async () => {
      for (const world of open.splice(0)) {
        await world.source.close();
        await world.close?.();
      }
    });

    it('answers a healthy world with samples and no gap but those of first readings', async () => {
      const world = await enter(contract.healthy);
      await settled(world, world.source.collect(world.request, never()));
      await world.advance(world.source.intervalMs);
      const second = await settled(world, world.source.collect(world.request, never()));
      expect(second.gaps).toEqual([]);
      expect(second.series.length + second.logs.length + second.resources.length).toBeGreaterThan(0);
      wellFormed(world, second);
    });

    it('changes nothing: it only reads', async () => {
      const world = await enter(contract.healthy);
      await settled(world, world.source.collect(world.request, never()));
      for (const { method, url } of world.touched?.requests ?? []) {
        const allowed = method === 'GET' || method === 'HEAD' || isReadOnlyPost(world, method, url);
        expect(allowed, `${method} ${url} reads`).toBe(true);
      }
      expect(world.touched?.unknownCalls ?? []).toEqual([]);
    });

    it('honours an abort: it stops at once, and if it throws, it throws `aborted`', async () => {
      const world = await enter(contract.healthy);
      const gone = new AbortController();
      gone.abort();
      try {
        wellFormed(world, await world.source.collect(world.request, gone.signal));
      } catch (thrown) {
        expect(WatchkeeperError.from(thrown).code).toBe('aborted');
      }
    });

    it('answers twice in a row and after close does not hang', async () => {
      const world = await enter(contract.healthy);
      await settled(world, world.source.collect(world.request, never()));
      await settled(world, world.source.collect(world.request, never()));
      await world.source.close();
    });

    for (const [condition, implied] of Object.entries(conditions) as [keyof typeof conditions, GapReason][]) {
      const make = contract.ill[condition];
      if (typeof make !== 'function') continue;
      it(`says ${implied} when the world is ${condition}, and does not throw`, async () => {
        const world = await enter(make);
        const answer = await settled(world, world.source.collect(world.request, never()));
        const reasons = answer.gaps.map((gap) => gap.reason);
        expect(reasons).toContain(world.reason ?? implied);
        wellFormed(world, answer);
      });
    }

    it('answers partly when a part is broken: what it has, and a gap for what it lacks', async () => {
      const world = await enter(contract.partial);
      await settled(world, world.source.collect(world.request, never()));
      await world.advance(world.source.intervalMs);
      const answer = await settled(world, world.source.collect(world.request, never()));
      expect(answer.gaps.length).toBeGreaterThan(0);
      expect(answer.series.length + answer.logs.length + answer.resources.length).toBeGreaterThan(0);
      wellFormed(world, answer);
    });

    it('stays within the limits and says that there was more', async () => {
      const world = await enter(contract.flood);
      const answer = await settled(world, world.source.collect(world.request, never()));
      expect(answer.gaps.map((gap) => gap.reason).some((reason) => overflow.has(reason))).toBe(true);
      wellFormed(world, answer);
    });
  });
}

const overflow: ReadonlySet<GapReason> = new Set(['too-large', 'partial', 'late']);

function isReadOnlyPost(world: SourceWorld, method: string, url: string): boolean {
  return (
    method === 'POST' && (world.readOnlyPosts ?? []).some((allowed) => `POST ${new URL(url).pathname}` === allowed)
  );
}

function never(): AbortSignal {
  return new AbortController().signal;
}

/** Lets time pass until the answer is there: at most two virtual minutes, in which every deadline must have fired. */
async function settled<T>(world: SourceWorld, pending: Promise<T>): Promise<T> {
  const state = { done: false };
  const marked = pending.finally(() => {
    state.done = true;
  });
  marked.catch(() => undefined);
  for (let step = 0; step < 240; step++) {
    for (let turn = 0; turn < 20 && !state.done; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (state.done) return marked;
    await world.advance(500);
  }
  throw new Error('the source did not answer within two minutes: an I/O call without a deadline');
}

/** Invariants of any answer: bounds, order, finite values, units, gaps with words. */
function wellFormed(world: SourceWorld, answer: Collected): void {
  expect(answer.series.length).toBeLessThanOrEqual(limits.seriesPerCollect);
  expect(answer.logs.length).toBeLessThanOrEqual(limits.logRecordsPerCollect);
  expect(answer.changes.length).toBeLessThanOrEqual(limits.changesPerCollect);
  const keys = answer.series.map((series) => series.key);
  expect(new Set(keys).size, 'series keys are unique').toBe(keys.length);
  for (const series of answer.series) {
    expect(series.source).toBe(world.source.id);
    expect(series.unit).not.toBe('');
    expect(series.samples.length).toBeLessThanOrEqual(limits.samplesPerSeries);
    let previous = -Infinity;
    for (const sample of series.samples) {
      expect(Number.isFinite(sample.v), `${series.key} is a number`).toBe(true);
      expect(sample.tMs).toBeGreaterThan(previous);
      previous = sample.tMs;
    }
  }
  for (const record of answer.logs) expect(Buffer.byteLength(record.body)).toBeLessThanOrEqual(limits.logLineBytes);
  for (const change of answer.changes) expect(change.id).not.toBe('');
  for (const gap of answer.gaps) {
    expect(gap.source).toBe(world.source.id);
    expect(gap.message.length).toBeGreaterThan(10);
    expect(gap.fromMs).toBeLessThanOrEqual(gap.untilMs);
  }
}

/** Everything a wrapped io was asked to do. */
export interface Touched {
  readonly requests: { readonly method: HttpRequest['method']; readonly url: string }[];
  readonly paths: string[];
  /** Calls of anything that is not in the reader's ports. */
  readonly unknownCalls: string[];
}

const reading = new Set(['read', 'readAt', 'list', 'stat', 'readlink', 'realpath', 'diskUsage']);

/** Wraps a reader's io so that a test can prove what was touched, and that nothing but reading happened. */
export function watchReads(io: ReaderIo): { readonly io: ReaderIo; readonly touched: Touched } {
  const touched: Touched = { requests: [], paths: [], unknownCalls: [] };
  const files = new Proxy(io.files, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof name !== 'string' || typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        if (!reading.has(name)) touched.unknownCalls.push(name);
        touched.paths.push(String(args[0]));
        return Reflect.apply(member, target, args);
      };
    },
  });
  const http = {
    request: (request: HttpRequest) => {
      touched.requests.push({ method: request.method, url: request.url });
      return io.http.request(request);
    },
  };
  return { io: { ...io, files, http }, touched };
}
