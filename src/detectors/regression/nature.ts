import type { SeriesMeta } from '../../domain/telemetry.ts';

/**
 * How a kind of quantity is looked at: on which scale its noise is about even, which way is bad, how small an effect
 * is still worth a page, and what a change may do to it before anything was learned. All in units of that scale, which
 * is a logarithm: 0.69 is twice as much.
 */
export interface Nature {
  /** 1: more is bad. -1: less is bad. */
  readonly sign: 1 | -1;
  /** For a ratio of which less is bad: its whole. What is missing to it is looked at then, as the failures are. Else 0. */
  readonly whole: number;
  /** It may be negative, and is looked at alike on both sides of nought. */
  readonly signed: boolean;
  /** The least effect that matters after a change. */
  readonly effect: number;
  /** The least effect that is called: as a rule the same. */
  readonly called: number;
  /** The least effect that matters with no change to hold it against. 0: never judged without one. */
  readonly effectAlone: number;
  /** The least jump that matters within hours after a change, when nothing links the two but the order. */
  readonly effectLate: number;
  /** Noise is never taken to be less than this. */
  readonly floor: number;
  /** What a change's transient may come to before anything was learned. */
  readonly prior: number;
  /** An effect so large that waiting for more samples would be wrong. */
  readonly huge: number;
  /** Compared with the long-run level, not with the minutes before: a restart empties it wherever it stood. */
  readonly longRun: boolean;
  /** So many samples after a change its level before is still a measure: traffic is not what it was an hour ago. */
  readonly compared: number;
  /** So many times more samples are taken of a transient than at one each 15 s, where that is known; else 1. */
  readonly stretch: number;
  /** Made of events that may be rare. */
  readonly counted: boolean;
}

const natures: Readonly<Record<SeriesMeta['nature'], Omit<Nature, 'whole' | 'stretch' | 'called'>>> = {
  ratio: {
    sign: 1,
    signed: false,
    effect: 0.6,
    effectAlone: 1.6,
    effectLate: 0.9,
    floor: 0.04,
    prior: 8,
    huge: 2.4,
    longRun: false,
    compared: 150,
    counted: true,
  },
  latency: {
    sign: 1,
    signed: false,
    effect: 0.26,
    effectAlone: 0.7,
    effectLate: 0.36,
    floor: 0.03,
    prior: 3,
    huge: 1,
    longRun: false,
    compared: 150,
    counted: false,
  },
  rate: {
    sign: -1,
    signed: false,
    effect: 0.5,
    effectAlone: 1,
    effectLate: 0.8,
    floor: 0.04,
    prior: 2,
    huge: 2,
    longRun: false,
    compared: 60,
    counted: false,
  },
  gauge: {
    sign: 1,
    signed: true,
    effect: 0.12,
    effectAlone: 0,
    effectLate: 0,
    floor: 0.015,
    prior: 2,
    huge: 2,
    longRun: true,
    compared: 240,
    counted: false,
  },
  state: {
    sign: 1,
    signed: true,
    effect: 1,
    effectAlone: 0,
    effectLate: 0,
    floor: 0.1,
    prior: 4,
    huge: 4,
    longRun: false,
    compared: 150,
    counted: false,
  },
};

const bySensitivity = { low: 1.6, medium: 1, high: 0.65 } as const;

/** The nature of a series, with its least effects scaled by the wanted sensitivity and turned by `worse`. */
export function natureOf(
  meta: Pick<SeriesMeta, 'nature' | 'unit'>,
  sensitivity: keyof typeof bySensitivity,
  worse: 'up' | 'down' | undefined,
): Nature {
  const nature = natures[meta.nature];
  const scale = bySensitivity[sensitivity];
  const whole = meta.nature === 'ratio' && worse === 'down' ? (meta.unit === '%' ? 100 : 1) : 0;
  const sign = worse === undefined || whole > 0 ? nature.sign : worse === 'up' ? 1 : -1;
  return {
    ...nature,
    sign,
    whole,
    stretch: 1,
    effect: nature.effect * scale,
    called: nature.effect * scale,
    effectLate: nature.effectLate * scale,
    effectAlone: nature.effectAlone * scale,
  };
}

/**
 * What is added before the logarithm, so that a value near zero does not swing wildly: half a percent for ratios, a
 * small part of the usual size for others, fixed once the usual size is known.
 */
export function offsetFor(meta: Pick<SeriesMeta, 'nature' | 'unit'>, typical: number): number {
  if (meta.nature === 'ratio') return meta.unit === '%' ? 0.5 : 0.005;
  return Math.max(1e-9, Math.abs(typical) * (meta.nature === 'rate' ? 0.05 : 0.02));
}

type Scale = Pick<Nature, 'sign' | 'signed' | 'whole'>;

/** The value on the even scale, signed so that more is worse. */
export function toScale(v: number, offset: number, { sign, signed, whole }: Scale): number {
  const size = whole > 0 ? whole - v : v;
  if (size < 0 && signed) return sign * (2 * Math.log(offset) - Math.log(offset - size));
  return sign * Math.log(Math.max(0, size) + offset);
}

/** Back from the even scale. */
export function fromScale(y: number, offset: number, { sign, signed, whole }: Scale): number {
  const up = sign * y;
  const size = signed && up < Math.log(offset) ? offset - Math.exp(2 * Math.log(offset) - up) : Math.exp(up) - offset;
  // What is nothing beside the offset is rounding: people should read 0 %, not 1.7e-16 %.
  const rounded = Math.abs(size) < offset * 1e-6 || (!signed && size < 0) ? 0 : size;
  return whole > 0 ? whole - rounded : rounded;
}

/** Which part of all a ratio calls bad, 0..1, from its place on the even scale: its offset is half a percent of the whole. */
export function badShare(y: number, offset: number): number {
  return Math.max(0, Math.exp(y) - offset) / (200 * offset);
}
