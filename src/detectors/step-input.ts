import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import type { Selector } from '../lib/selector.ts';
import { median } from '../lib/stats.ts';
import type { Change } from '../domain/change.ts';
import type { DetectorBatch, DetectorContext, DetectorRule } from '../domain/ports/detector.ts';
import type { Sample, Series, SeriesMeta } from '../domain/telemetry.ts';
import { besideMs, Companions } from './companions.ts';
import type { Listening } from './forgetting.ts';
import type { FoldInput, SeriesFold } from './fold.ts';
import type { Track, Tracks } from './tracks.ts';

/** What a fold needs beside its own series, and how many series it follows. */
export interface BankOptions {
  /** Signals whose samples the fold may ask for with `input.companion`. */
  readonly companions?: readonly string[];
  /** The tracks a series feeds; by default one, its own. Several series may feed one track. */
  readonly tracks?: (series: Series, context: DetectorContext) => readonly SeriesMeta[];
  /** The kind judges silence itself (absence): the bank adds no `unknown` for a stale series. */
  readonly ownSilence?: boolean;
  readonly maxSeries?: number;
  /** The fold only draws charts from `input.recent`: where there are very many series, those that are well keep less of it. */
  readonly lessOfMany?: boolean;
  /** The fold keeps nothing of a number but what it says of it: even those that nothing can have meant are told. */
  readonly anyNumber?: boolean;
  /** What the fold knows took weeks to learn: of a service that sleeps it is kept for long. */
  readonly learns?: boolean;
  /** Only series with these labels. */
  readonly where?: Selector | undefined;
}

/** What one step of a bank works with. */
export interface StepEnv<S> {
  readonly rule: DetectorRule;
  readonly fold: SeriesFold<S>;
  readonly options: BankOptions;
  readonly tracks: Tracks<S>;
  readonly batch: DetectorBatch;
  readonly context: DetectorContext;
  readonly step: number;
  readonly listening: Listening;
  /** The next track that may make room for a new one. */
  readonly room: () => Track<S> | undefined;
}

/** What a fold may look at: one object a step, turned to one track after the other, so that a point makes no garbage. */
export class StepInput<S> implements FoldInput<S> {
  readonly #env: StepEnv<S>;
  #track: Track<S> | undefined;
  #companions: Companions | undefined;
  // A batch of history asks for every sample.
  #asked: { readonly track: Track<S>; readonly signal: string; readonly samples: readonly Sample[] } | undefined;
  readonly #beside = new Map<string, number>();

  constructor(env: StepEnv<S>) {
    this.#env = env;
  }

  set track(track: Track<S>) {
    this.#track = track;
  }

  get track(): Track<S> {
    if (this.#track === undefined) throw new WatchkeeperError('internal', 'a fold asks of no track');
    return this.#track;
  }

  get meta(): SeriesMeta {
    return this.track.meta;
  }

  get rule(): DetectorRule {
    return this.#env.rule;
  }

  get context(): DetectorContext {
    return this.#env.context;
  }

  get asOfMs(): number {
    return this.#env.batch.asOfMs;
  }

  get stepMs(): number {
    return median(this.#env.tracks.gaps(this.track)) ?? 0;
  }

  get lastMs(): number {
    return this.track.lastMs;
  }

  get changes(): readonly Change[] {
    return this.#env.context.changesOf(this.meta.service);
  }

  get recent(): readonly Sample[] {
    return this.#env.tracks.recent(this.track);
  }

  companion(signal: string): readonly Sample[] {
    const { track } = this;
    if (this.#asked?.track === track && this.#asked.signal === signal) return this.#asked.samples;
    this.#companions ??= new Companions(this.#env.batch.series, this.#env.options.companions ?? []);
    const { samples, shared } = this.#companions.of(track.meta, signal);
    // Of what all instances do together, one does its part. What several series feed is the whole itself.
    const parts = shared && this.#env.options.tracks === undefined ? this.#partsOf(track, this.#companions) : 1;
    const own = parts === 1 ? samples : samples.map(({ tMs, v }) => ({ tMs, v: v / parts }));
    this.#asked = { track, signal, samples: own };
    return own;
  }

  #partsOf({ meta }: Track<S>, companions: Companions): number {
    const { service, signal } = meta;
    const name = `${service}\n${signal}`;
    const known = this.#beside.get(name);
    if (known !== undefined) return known;
    let parts = 0;
    for (const one of this.#env.tracks.ofService(service))
      if (one.meta.signal === signal && this.asOfMs - one.lastMs < besideMs) parts++;
    const most = Math.max(1, parts, companions.beside(meta));
    this.#beside.set(name, most);
    return most;
  }

  peers(): readonly { meta: SeriesMeta; state: S }[] {
    return peersOf(this.track, this.#env);
  }
}

function peersOf<S>(track: Track<S>, { tracks }: StepEnv<S>): readonly { meta: SeriesMeta; state: S }[] {
  const { service, signal } = track.meta;
  const found: { meta: SeriesMeta; state: S }[] = [];
  const add = (others: Iterable<Track<S>>, near: boolean): void => {
    for (const other of others) {
      if (found.length >= limits.detectorPeers) return;
      const isNear = other.meta.service === service;
      if (other !== track && other.meta.signal === signal && isNear === near)
        found.push({ meta: other.meta, state: other.fold });
    }
  };
  add(tracks.ofService(service), true);
  add(tracks.all(), false);
  return found;
}
