import { samplesFrom } from '../../../src/detectors/notation.ts';
import type { Change } from '../../../src/domain/change.ts';
import type { Collected, CollectRequest, Source } from '../../../src/domain/ports/source.ts';
import type { Service } from '../../../src/domain/service.ts';
import { seriesKey, type Gap, type LogRecord, type Sample, type Span } from '../../../src/domain/telemetry.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';

/**
 * How a signal behaves, in the detectors' test notation: what stands before `|` is played once from the moment it comes
 * into force, what stands behind is repeated. Without `|` all is repeated. `silent` gives no samples at all.
 */
export type Tune = string;

interface Playing {
  readonly tune: Tune;
  readonly once: readonly (number | undefined)[];
  readonly loop: readonly (number | undefined)[];
  step: number;
}

interface Track {
  readonly service: string;
  readonly signal: string;
  /** One of the hosts that it runs on; empty where nothing tells them apart. */
  readonly host: string;
  readonly samples: Sample[];
  playing: Playing | undefined;
}

/** A source whose data are scripted, and which can fail, lag and leave things out like a real one. */
export interface ScriptedSource extends Source {
  /** What plays on a signal right now; asked before every sample. */
  tuneOf: (service: string, signal: string, host: string) => Tune | undefined;
  /** The hosts that tell of a service each for itself; none: it has one series. */
  hostsOf: (service: string) => readonly string[];
  /** Makes samples up to now with what has been playing. To be called before anything changes. */
  catchUp(): void;
  readonly changes: Change[];
  readonly logs: LogRecord[];
  readonly spans: Span[];
  gap: Gap['reason'] | undefined;
  /** Samples come this much later than they were taken. */
  lagMs: number;
  /** It never answers. */
  hangs: boolean;
}

/** Makes the source; its past begins `pastMs` before the clock's now. */
export function scriptedSource(
  id: string,
  nowMs: () => number,
  options: { readonly intervalMs: number; readonly pastMs: number },
): ScriptedSource {
  const { intervalMs } = options;
  const firstMs = Math.ceil((nowMs() - options.pastMs) / intervalMs) * intervalMs;
  const tracks = new Map<string, Track>();
  let madeUntilMs = firstMs - intervalMs;
  let changesSentMs = -Infinity;
  let logsSentMs = nowMs();

  const make = (track: Track, tMs: number): void => {
    const tune = source.tuneOf(track.service, track.signal, track.host);
    if (tune === undefined || tune === 'silent') {
      track.playing = undefined;
      return;
    }
    if (track.playing?.tune !== tune) track.playing = playingOf(tune);
    const v = next(track.playing);
    if (v !== undefined) track.samples.push({ tMs, v });
  };
  const trackOf = (service: Service, signal: string, host: string): Track => {
    const key = `${service.name} ${signal} ${host}`;
    const known = tracks.get(key);
    if (known) return known;
    const track: Track = { service: service.name, signal, host, samples: [], playing: undefined };
    for (let tMs = firstMs; tMs <= madeUntilMs; tMs += intervalMs) make(track, tMs);
    tracks.set(key, track);
    return track;
  };

  const source: ScriptedSource = {
    id,
    kind: 'world',
    traits: { metrics: true, logs: true, traces: true, changes: true, discovery: false },
    intervalMs,
    tuneOf: () => undefined,
    hostsOf: () => [],
    changes: [],
    logs: [],
    spans: [],
    gap: undefined,
    lagMs: 0,
    hangs: false,
    catchUp: () => {
      while (madeUntilMs + intervalMs <= nowMs()) {
        madeUntilMs += intervalMs;
        for (const track of tracks.values()) make(track, madeUntilMs);
      }
    },
    collect: async (request, signal) => {
      if (source.hangs)
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () =>
            reject(new WatchkeeperError('timeout', `${id} did not answer in time`)),
          );
        });
      const tracksAsked = request.signals.flatMap(({ service, signal: name }) => {
        const found = request.services.find((one) => one.name === service);
        if (found === undefined) return [];
        const hosts = source.hostsOf(service);
        const query = { service: found, signal: name };
        return (hosts.length === 0 ? [''] : hosts).map((host) => ({ track: trackOf(found, name, host), query }));
      });
      source.catchUp();
      if (source.gap !== undefined) return onlyGap(id, source.gap, request);
      const fresh = request.mode === 'live';
      const { changes, logs, spans } = fresh ? take() : { changes: [], logs: [], spans: [] };
      return {
        series: tracksAsked.map(({ query, track }) => seriesOf(id, query, track, request, source.lagMs)),
        changes,
        logs,
        spans,
        resources: [],
        findings: [],
        gaps: [],
      };
    },
    discover: () => Promise.resolve([]),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const take = (): Pick<Collected, 'changes' | 'logs'> & { readonly spans: readonly Span[] } => {
    const changes = source.changes.filter((change) => change.atMs <= nowMs() && change.atMs > changesSentMs);
    const logs = source.logs.filter((log) => log.tMs <= nowMs() && log.tMs > logsSentMs);
    const spans = source.spans.filter((span) => span.startMs <= nowMs() && span.startMs > logsSentMs);
    changesSentMs = Math.max(changesSentMs, ...changes.map((change) => change.atMs));
    logsSentMs = nowMs();
    return { changes, logs, spans };
  };
  return source;
}

function seriesOf(
  source: string,
  { service, signal }: { readonly service: Service; readonly signal: string },
  track: Track,
  request: CollectRequest,
  lagMs: number,
): Collected['series'][number] {
  const binding = service.telemetry[signal];
  // A lagging source gives late what it lacked, as real ones do: the window drops what it has.
  const fromMs = request.fromMs - (request.mode === 'live' ? lagMs + request.stepMs : 0);
  const labels = track.host === '' ? {} : { host: track.host };
  return {
    key: seriesKey(service.name, signal, labels),
    source,
    service: service.name,
    signal,
    labels,
    unit: binding?.unit ?? '1',
    nature: binding?.nature ?? 'gauge',
    samples: track.samples.filter(({ tMs }) => tMs > fromMs && tMs <= request.untilMs - lagMs),
  };
}

function onlyGap(source: string, reason: Gap['reason'], request: CollectRequest): Collected {
  const gap: Gap = {
    source,
    reason,
    message: `${source} is ${reason}`,
    fromMs: request.fromMs,
    untilMs: request.untilMs,
  };
  return { series: [], logs: [], changes: [], resources: [], findings: [], gaps: [gap] };
}

function playingOf(tune: Tune): Playing {
  const parts = tune.split('|').map((part) => valuesOf(part.trim()));
  const [first = [], second] = parts;
  return second === undefined ? { tune, once: [], loop: first, step: 0 } : { tune, once: first, loop: second, step: 0 };
}

function next(playing: Playing): number | undefined {
  const { once, loop, step } = playing;
  playing.step += 1;
  return step < once.length ? once[step] : loop[(step - once.length) % loop.length];
}

function valuesOf(notation: string): readonly (number | undefined)[] {
  if (notation === '') return [];
  const samples = samplesFrom(notation, 0, 1);
  if (typeof samples === 'string') throw new Error(samples);
  const values: (number | undefined)[] = [];
  for (const { tMs, v } of samples) values[tMs] = v;
  return Array.from(values);
}
