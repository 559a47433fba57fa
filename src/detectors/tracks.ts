import { limits } from '../lib/limits.ts';
import { RingPool } from '../lib/rings.ts';
import type { Sample, SeriesMeta } from '../domain/telemetry.ts';

/** One series that a bank follows. What is the same for every kind lies in columns, by `row`; the fold's own state is its own. */
export interface Track<S> {
  readonly meta: SeriesMeta;
  readonly row: number;
  lastMs: number;
  arrivedMs: number;
  state: 'bad' | 'good' | 'unknown' | 'new';
  sinceMs: number;
  /** The last step that brought a sample. */
  freshStep: number;
  fold: S;
}

/** A track as it is saved. */
export interface SavedTrack<S> {
  readonly meta: SeriesMeta;
  readonly lastMs: number;
  readonly gaps: readonly number[];
  readonly arrivals: readonly number[];
  readonly arrivedMs: number;
  /** tMs, v, tMs, v ... */
  readonly recent: readonly number[];
  readonly state: Track<unknown>['state'];
  readonly sinceMs: number;
  readonly fold: S;
}

const beats = 9;
const sizes = [8, 16, 32, limits.detectorRecentSamples];

/**
 * The series of one bank, found by key and by service: their last samples, and the last distances between samples and
 * between steps that brought some (what is stale depends on both).
 */
export class Tracks<S> {
  readonly #byKey = new Map<string, Track<S>>();
  readonly #byService = new Map<string, Set<Track<S>>>();
  readonly #recent = new RingPool(sizes);
  #gaps = newBeats(16);
  #arrivals = newBeats(16);

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): Track<S> | undefined {
    return this.#byKey.get(key);
  }

  all(): Iterable<Track<S>> {
    return this.#byKey.values();
  }

  ofService(service: string): Iterable<Track<S>> {
    return this.#byService.get(service) ?? [];
  }

  add(meta: SeriesMeta, atMs: number, fold: S): Track<S> {
    const row = this.#recent.take();
    if (row >= this.#gaps.count.length) {
      this.#gaps = grown(this.#gaps);
      this.#arrivals = grown(this.#arrivals);
    }
    this.#gaps.count[row] = 0;
    this.#arrivals.count[row] = 0;
    const track: Track<S> = { meta, row, lastMs: 0, arrivedMs: 0, state: 'new', sinceMs: atMs, freshStep: -1, fold };
    this.#byKey.set(meta.key, track);
    const own = this.#byService.get(meta.service) ?? new Set<Track<S>>();
    this.#byService.set(meta.service, own.add(track));
    return track;
  }

  remove(track: Track<S>): void {
    this.#byKey.delete(track.meta.key);
    this.#recent.release(track.row);
    const own = this.#byService.get(track.meta.service);
    own?.delete(track);
    if (own?.size === 0) this.#byService.delete(track.meta.service);
  }

  /** Notes a sample that the fold has taken. */
  took(track: Track<S>, sample: Sample): void {
    this.#recent.push(track.row, sample.tMs, sample.v, limits.detectorRecentSamples);
    track.lastMs = sample.tMs;
  }

  /** Notes the distance of a new sample from the one before. */
  beat(track: Track<S>, gapMs: number): void {
    note(this.#gaps, track.row, gapMs);
  }

  /** Notes that this step brought samples. */
  arrived(track: Track<S>, atMs: number): void {
    if (track.arrivedMs === atMs) return;
    if (track.arrivedMs > 0) note(this.#arrivals, track.row, atMs - track.arrivedMs);
    track.arrivedMs = atMs;
  }

  gaps(track: Track<S>): readonly number[] {
    return noted(this.#gaps, track.row);
  }

  arrivals(track: Track<S>): readonly number[] {
    return noted(this.#arrivals, track.row);
  }

  /** The last samples, oldest first. */
  recent(track: Track<S>): readonly Sample[] {
    const pool = this.#recent;
    return Array.from({ length: pool.count(track.row) }, (_, index) => ({
      tMs: pool.time(track.row, index),
      v: pool.value(track.row, index),
    }));
  }

  save(): readonly SavedTrack<S>[] {
    return Array.from(this.#byKey.values(), (track) => ({
      meta: track.meta,
      lastMs: track.lastMs,
      gaps: this.gaps(track),
      arrivals: this.arrivals(track),
      arrivedMs: track.arrivedMs,
      recent: this.recent(track).flatMap(({ tMs, v }) => [tMs, v]),
      state: track.state,
      sinceMs: track.sinceMs,
      fold: track.fold,
    }));
  }

  restore(saved: readonly SavedTrack<S>[]): void {
    for (const one of saved) {
      const track = this.add(one.meta, one.sinceMs, one.fold);
      for (let at = 0; at + 1 < one.recent.length; at += 2)
        this.took(track, { tMs: one.recent[at] ?? 0, v: one.recent[at + 1] ?? 0 });
      for (const gapMs of one.gaps) this.beat(track, gapMs);
      for (const gapMs of one.arrivals) note(this.#arrivals, track.row, gapMs);
      track.lastMs = one.lastMs;
      track.arrivedMs = one.arrivedMs;
      track.state = one.state;
    }
  }
}

/** The last few distances of each row, oldest first. */
interface Beats {
  readonly values: Float64Array;
  readonly count: Uint8Array;
}

function newBeats(rows: number): Beats {
  return { values: new Float64Array(rows * beats), count: new Uint8Array(rows) };
}

function grown(old: Beats): Beats {
  const made = newBeats(old.count.length * 2);
  made.values.set(old.values);
  made.count.set(old.count);
  return made;
}

function note({ values, count }: Beats, row: number, value: number): void {
  const from = row * beats;
  const held = count[row] ?? 0;
  if (held < beats) {
    values[from + held] = value;
    count[row] = held + 1;
    return;
  }
  for (let at = from; at < from + beats - 1; at++) values[at] = values[at + 1] ?? 0;
  values[from + beats - 1] = value;
}

function noted({ values, count }: Beats, row: number): readonly number[] {
  return Array.from(values.subarray(row * beats, row * beats + (count[row] ?? 0)));
}
