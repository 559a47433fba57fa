import { limits } from '../lib/limits.ts';
import { RingPool } from '../lib/rings.ts';
import type { Sample, SeriesMeta } from '../domain/telemetry.ts';
import { hear, type Kin } from './forgetting.ts';
import { lateness } from './silence.ts';

/** One series that a bank follows. What is the same for every kind lies in columns, by `row`; the fold's own state is its own. */
export interface Track<S> {
  meta: SeriesMeta;
  readonly row: number;
  /** Its place in what is saved, which never changes; and how many came before it. */
  readonly place: number;
  readonly serial: number;
  lastMs: number;
  arrivedMs: number;
  state: 'bad' | 'good' | 'unknown' | 'new';
  sinceMs: number;
  /** The last step that brought a sample. */
  freshStep: number;
  /** What the source said of the newest sample. */
  note: string | undefined;
  fold: S;
  /** What is known of all of its service and signal. */
  readonly kin: Kin;
}

/** A track as it is saved. */
export interface SavedTrack<S> {
  readonly place: number;
  readonly serial: number;
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

/** In a bank of more series than this, one that is well keeps `recentOfMany` samples, where only charts are drawn from them. */
export const manySeries = 5_000;
const recentOfMany = 16;
const beats = 9;
/** Tracks that are saved together. */
const tracksPerPart = 32;

/**
 * The series of one bank, found by key and by service: their last samples, and the last distances between samples and
 * between steps that brought some (what is stale depends on both).
 */
export class Tracks<S> {
  readonly #byKey = new Map<string, Track<S>>();
  readonly #kin = new Map<string, Map<string, Kin>>();
  readonly #byService = new Map<string, Set<Track<S>>>();
  readonly #places: (Track<S> | undefined)[] = [];
  readonly #vacant: number[] = [];
  readonly #dirty = new Set<number>();
  readonly #recent = new RingPool();
  #serial = 0;
  #nextPart = 0;
  readonly #lessOfMany: boolean;
  #gaps = newBeats(16);
  #arrivals = newBeats(16);

  /** With `lessOfMany`, series that are well keep fewer of their last samples where there are very many of them. */
  constructor(lessOfMany = false) {
    this.#lessOfMany = lessOfMany;
  }

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
    return this.#put(meta, atMs, fold, this.#vacant.pop() ?? this.#places.length, this.#serial);
  }

  remove(track: Track<S>): void {
    this.touch(track);
    this.#places[track.place] = undefined;
    this.#vacant.push(track.place);
    this.#byKey.delete(track.meta.key);
    this.#recent.release(track.row);
    const own = this.#byService.get(track.meta.service);
    own?.delete(track);
    if (own?.size !== 0) return;
    this.#byService.delete(track.meta.service);
    this.#kin.delete(track.meta.service);
  }

  /** Notes that what is saved of a track is not true any more. */
  touch(track: Track<S>): void {
    this.#dirty.add(Math.floor(track.place / tracksPerPart));
  }

  /** Notes a sample that the fold has taken. */
  took(track: Track<S>, sample: Sample): void {
    this.touch(track);
    const isOfMany = this.#lessOfMany && this.size > manySeries && track.state !== 'bad';
    const most = isOfMany ? recentOfMany : limits.detectorRecentSamples;
    this.#recent.push(track.row, sample.tMs, sample.v, most);
    track.lastMs = sample.tMs;
  }

  /** Notes the distance of a new sample from the one before. */
  beat(track: Track<S>, gapMs: number): void {
    note(this.#gaps, track.row, gapMs);
  }

  /** Notes that this step brought samples. */
  arrived(track: Track<S>, atMs: number): void {
    hear(track.kin, atMs);
    if (track.arrivedMs === atMs) return;
    if (track.arrivedMs > 0 && atMs > track.arrivedMs) note(this.#arrivals, track.row, atMs - track.arrivedMs);
    track.arrivedMs = atMs;
  }

  /** The clock was set back to `asOfMs`: what the track heard of later times is undone, so that it hears what comes now. */
  setBack(track: Track<S>, asOfMs: number): void {
    this.touch(track);
    const lateMs = lateness(track.arrivedMs - track.lastMs);
    while (this.#recent.newest(track.row) > asOfMs) this.#recent.dropNewest(track.row);
    track.lastMs = Math.max(this.#recent.newest(track.row), asOfMs - lateMs - 1);
    track.arrivedMs = Math.min(track.arrivedMs, asOfMs);
    track.sinceMs = Math.min(track.sinceMs, asOfMs);
  }

  gaps(track: Track<S>): readonly number[] {
    return noted(this.#gaps, track.row);
  }

  arrivals(track: Track<S>): readonly number[] {
    return noted(this.#arrivals, track.row);
  }

  /** The last samples, oldest first. */
  recent(track: Track<S>): readonly Sample[] {
    return [...this.#recent.read(track.row)];
  }

  /** Every part with the tracks in it, in the order of their places; made one by one. */
  *saveEvery(): Generator<readonly [string, readonly SavedTrack<S>[]]> {
    const parts = Math.max(1, Math.ceil(this.#places.length / tracksPerPart));
    for (let part = 0; part < parts; part++) {
      this.#dirty.delete(part);
      yield [String(part), this.#savePart(part)];
    }
  }

  /** At most `most` of the parts that changed since they were last saved, round and round. */
  *saveChanged(most: number): Generator<readonly [string, readonly SavedTrack<S>[]]> {
    const waiting = [...this.#dirty].sort((a, b) => a - b);
    const first = Math.max(
      0,
      waiting.findIndex((part) => part >= this.#nextPart),
    );
    for (const part of [...waiting.slice(first), ...waiting.slice(0, first)].slice(0, most)) {
      this.#dirty.delete(part);
      this.#nextPart = part + 1;
      yield [String(part), this.#savePart(part)];
    }
  }

  /** Takes in the tracks of all parts, each at the place and in the order it had. */
  restore(saved: readonly SavedTrack<S>[]): void {
    const inOrder = [...saved].sort((a, b) => a.serial - b.serial);
    // A track may stand in two parts, when it came back after it was forgotten and only one of them was written since.
    const newest = new Map(inOrder.map((one) => [one.meta.key, one]));
    for (const one of newest.values()) {
      const track = this.#put(one.meta, one.sinceMs, one.fold, one.place, one.serial);
      for (let at = 0; at + 1 < one.recent.length; at += 2)
        this.#recent.push(track.row, one.recent[at] ?? 0, one.recent[at + 1] ?? 0, limits.detectorRecentSamples);
      for (const gapMs of one.gaps) this.beat(track, gapMs);
      for (const gapMs of one.arrivals) note(this.#arrivals, track.row, gapMs);
      track.lastMs = one.lastMs;
      track.arrivedMs = one.arrivedMs;
      track.kin.arrivedMs = Math.max(track.kin.arrivedMs, one.arrivedMs);
      track.state = one.state;
    }
    for (let place = this.#places.length - 1; place >= 0; place--)
      if (this.#places[place] === undefined) this.#vacant.push(place);
    if (newest.size === saved.length) this.#dirty.clear();
  }

  #put(meta: SeriesMeta, atMs: number, fold: S, place: number, serial: number): Track<S> {
    const row = this.#recent.take();
    if (row >= this.#gaps.count.length) {
      this.#gaps = grown(this.#gaps);
      this.#arrivals = grown(this.#arrivals);
    }
    this.#gaps.count[row] = 0;
    this.#arrivals.count[row] = 0;
    const beginning = { lastMs: 0, arrivedMs: 0, state: 'new', sinceMs: atMs, freshStep: -1, note: undefined } as const;
    const track: Track<S> = { meta, row, place, serial, ...beginning, fold, kin: this.#kinOf(meta) };
    while (this.#places.length < place) this.#places.push(undefined);
    this.#places[place] = track;
    this.#serial = serial + 1;
    this.#byKey.set(meta.key, track);
    const own = this.#byService.get(meta.service) ?? new Set<Track<S>>();
    this.#byService.set(meta.service, own.add(track));
    this.touch(track);
    return track;
  }

  #kinOf({ service, signal }: SeriesMeta): Kin {
    const own = this.#kin.get(service) ?? new Map<string, Kin>();
    const kin = own.get(signal) ?? { arrivedMs: 0, wokeMs: 0 };
    this.#kin.set(service, own.set(signal, kin));
    return kin;
  }

  #savePart(part: number): readonly SavedTrack<S>[] {
    const from = part * tracksPerPart;
    return this.#places.slice(from, from + tracksPerPart).flatMap((track) =>
      track === undefined
        ? []
        : [
            {
              place: track.place,
              serial: track.serial,
              meta: track.meta,
              lastMs: track.lastMs,
              gaps: this.gaps(track),
              arrivals: this.arrivals(track),
              arrivedMs: track.arrivedMs,
              recent: this.recent(track).flatMap(({ tMs, v }) => [tMs, v]),
              state: track.state,
              sinceMs: track.sinceMs,
              fold: track.fold,
            },
          ],
    );
  }
}

/** The last few distances of each row, oldest first. Milliseconds up to four and a half hours are exact; what is stale asks for no more. */
interface Beats {
  readonly values: Float32Array;
  readonly count: Uint8Array;
}

function newBeats(rows: number): Beats {
  return { values: new Float32Array(rows * beats), count: new Uint8Array(rows) };
}

// By a quarter: of many rows, what stands empty counts.
function grown(old: Beats): Beats {
  const made = newBeats(Math.ceil(old.count.length * 1.25));
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
