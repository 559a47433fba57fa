import { unfamiliarity, halve } from './histogram.ts';
import { byte, bytes, bins, column, field, floats, histograms, hours, rowsPerChunk } from './layout.ts';
import { moved } from './moved.ts';
import type { Nature } from './nature.ts';
import { onset } from './onset.ts';
import { keepNear } from './origin.ts';
import type { Chunk } from './rows.ts';
import type { Tuning } from './tuning.ts';
import { learnDay, ofDay, provenWeek } from './week.ts';

/** What one sample came to. One object is filled again and again: a million points a second leave no garbage. */
export interface Seen {
  /** How surprising, as minus the natural logarithm of the chance per sample; 0 is not at all. */
  surprise: number;
  /** Filled by `foldSample`. */
  score: number;
  cause: number;
  expected: number;
  low: number;
  high: number;
  /** What was looked at, in the order of `causes`, the grain of each record feature after it, and the evidence so far. */
  readonly values: Float64Array;
}

const features = 6;
/** Features from here on are how much a series varies: over a dozen samples, over a hundred. */
const variation = 4;
const variationMemory = [12, 100] as const;
const evidenceAt = features + histograms + features;

/** An empty result to be filled by `observe`. */
export function emptySeen(): Seen {
  return { surprise: 0, score: 0, cause: 0, expected: 0, low: 0, high: 0, values: new Float64Array(evidenceAt + 3) };
}

const warm = 50;
const warmHistogram = 300;
const warmProfile = 30;
/** What comes oftener than once in so many samples is not rare: most logarithms are spared. */
const common = 20;

/**
 * Folds one sample into the series in `slot` of `chunk` and fills `seen`. Strictly causal, constant time, no
 * allocation. `tMs` may stand still or go back (duplicate and unsorted stamps): it is a sample all the same.
 */
export function observe(
  chunk: Chunk,
  slot: number,
  tMs: number,
  v: number,
  nature: Nature,
  tuned: Tuning,
  seen: Seen,
): void {
  const f = chunk.floats;
  const at = slot * floats;
  const n = (f[at + field.samples] ?? 0) + 1;
  f[at + field.samples] = n;
  chunk.dirty = true;
  if (n === 1) begin(chunk, slot, tMs, v);
  else keepNear(chunk, slot, v);
  timing(chunk, slot, tMs, n);
  seen.cause = 0;
  seen.values[evidenceAt] = 0;
  seen.values[evidenceAt + 1] = 0;
  look(chunk, slot, tMs, v, nature, tuned, seen);
  weighRecords(f, at, n, nature, tuned, seen);
  weighHistograms(chunk, slot, n, nature, tuned, seen);
  seen.surprise = onset(f, at, seen.values[evidenceAt] ?? 0, n, tuned);
  if (seen.surprise > 0) adopt(f, at, seen);
}

// Computes what is looked at from what was known before this sample, then learns the sample.
function look(chunk: Chunk, slot: number, tMs: number, v: number, nature: Nature, tuned: Tuning, seen: Seen): void {
  const f = chunk.floats;
  const at = slot * floats;
  const n = f[at + field.samples] ?? 1;
  const { values } = seen;
  const x = v - (chunk.doubles[column.origin * rowsPerChunk + slot] ?? 0);
  const scale = moved(f, at + field.scale, Math.abs(v), Math.min(n, tuned.scaleMemory));
  const offset = Math.max(nature.offset * scale, nature.least) + 1e-12;
  // Linear near zero, logarithmic beyond the offset.
  const y = Math.sign(v) * Math.log1p(Math.abs(v) / offset);
  if (n === 1) f[at + field.y12] = f[at + field.y48] = f[at + field.y96] = f[at + field.yLast] = y;
  // The hour's own mean, as far as it proved better than the mean of all hours.
  const profileAt = at + field.profile + hourOf(tMs);
  const mean = f[at + field.mean] ?? 0;
  const known = f[profileAt] ?? NaN;
  const isKnown = known === known;
  const proven = provenShare(f, at);
  const hourly = isKnown ? proven * known + (1 - proven) * mean : mean;
  const absolute = hourly + v - x;
  const week = provenWeek(f, at);
  const expected = week === 0 ? hourly : hourly + week * ofDay(f, at, tMs) * absolute;
  const level = f[at + field.level] ?? 0;
  const seasonal = proven > 0.5 || week > 0.5;
  seen.expected = seasonal ? expected : level;
  band(f, at, seen, seasonal ? 0 : 2);
  const y48 = f[at + field.y48] ?? 0;
  const y96 = f[at + field.y96] ?? 0;
  const y12 = moved(f, at + field.y12, y, 12);
  const vol = Math.log(Math.abs(y - (f[at + field.yLast] ?? 0)) + 0.003);
  if (n === 2) f[at + field.vol12] = f[at + field.vol400] = vol;
  const vol12 = moved(f, at + field.vol12, vol, variationMemory[0]);
  if (n <= 2) f[at + field.vol100] = f[at + field.vol1000] = vol;
  const vol100 = moved(f, at + field.vol100, vol, Math.min(n, variationMemory[1]));
  const warmed = n > warmProfile;
  const rest = warmed ? x - expected : 0;
  values[0] = rest;
  values[1] = y12 - y96;
  values[2] = x - level;
  values[3] = y - y48;
  values[4] = vol12 - (f[at + field.vol400] ?? 0);
  values[5] = vol100 - (f[at + field.vol1000] ?? 0);
  values[6] = y;
  values[7] = y12;
  values[8] = moved(f, at + field.rest12, rest, 12) / offset;
  const grain = nature.grain * scale;
  values[9] = values[11] = 3 * grain;
  values[10] = values[12] = 0.006;
  values[13] = 0.09;
  values[14] = 0.5;
  values[evidenceAt + 2] = y - y96;
  if (isKnown) {
    const memory = Math.min(n, tuned.meanMemory);
    moved(f, at + field.missProfile, Math.abs(x - known), memory);
    moved(f, at + field.missMean, Math.abs(x - mean), memory);
    const visit = 3_600_000 / Math.max(1_000, f[at + field.intervalMs] ?? 0);
    f[profileAt] = known + (x - known) / Math.max(2, Math.min(n / hours, tuned.profileDays * visit));
  } else f[profileAt] = x;
  learnDay(f, at, tMs, x - hourly, absolute, week);
  moved(f, at + field.mean, x, Math.min(n, tuned.meanMemory));
  moved(f, at + field.level, x, Math.min(n, tuned.levelMemory));
  moved(f, at + field.y48, y, 48);
  moved(f, at + field.y96, y, 96);
  moved(f, at + field.vol400, vol, Math.min(n, 400));
  moved(f, at + field.vol1000, vol, Math.min(n, 1_000));
  f[at + field.yLast] = y;
}

function begin(chunk: Chunk, slot: number, tMs: number, v: number): void {
  const f = chunk.floats;
  const at = slot * floats;
  chunk.doubles[column.origin * rowsPerChunk + slot] = v;
  chunk.doubles[column.lastMs * rowsPerChunk + slot] = tMs;
  for (let hour = 0; hour < hours; hour++) f[at + field.profile + hour] = NaN;
}

// The usual distance between samples: single holes and bursts hardly move it.
function timing(chunk: Chunk, slot: number, tMs: number, n: number): void {
  const where = column.lastMs * rowsPerChunk + slot;
  const lastMs = chunk.doubles[where] ?? 0;
  const gap = tMs - lastMs;
  if (gap <= 0) return;
  chunk.doubles[where] = tMs;
  const at = slot * floats + field.intervalMs;
  const usual = chunk.floats[at] ?? 0;
  chunk.floats[at] = usual === 0 ? gap : usual + (Math.min(gap, 4 * usual) - usual) / Math.min(n, 32);
}

function hourOf(tMs: number): number {
  const hour = Math.floor(tMs / 3_600_000) % hours;
  return hour < 0 ? hour + hours : hour;
}

// A profile counts when it foretold, before it saw them, what the mean alone did not; fully at a fifth less error.
function provenShare(f: Float32Array, at: number): number {
  const alone = f[at + field.missMean] ?? 0;
  if (alone <= 0) return 0;
  return Math.max(0, Math.min(1, 5 * (1 - (f[at + field.missProfile] ?? 0) / alone)));
}

/** What is expected at `tMs`, relative to the series' origin, from what is known now. */
export function bandAt(chunk: Chunk, slot: number, tMs: number): { readonly low: number; readonly high: number } {
  const f = chunk.floats;
  const at = slot * floats;
  const mean = f[at + field.mean] ?? 0;
  const known = f[at + field.profile + hourOf(tMs)] ?? NaN;
  const proven = provenShare(f, at);
  const week = provenWeek(f, at);
  const seasonal = (proven > 0.5 && known === known) || week > 0.5;
  const hourly = known === known ? proven * known + (1 - proven) * mean : mean;
  const origin = chunk.doubles[column.origin * rowsPerChunk + slot] ?? 0;
  const expected = seasonal ? hourly + week * ofDay(f, at, tMs) * (hourly + origin) : (f[at + field.level] ?? 0);
  const pair = at + field.records + 2 * (seasonal ? 0 : 2);
  return { low: expected + (f[pair + 1] ?? 0), high: expected + (f[pair] ?? 0) };
}

/** Whether enough was seen to say what is usual. */
export function ready(chunk: Chunk, slot: number): boolean {
  return (chunk.floats[slot * floats + field.samples] ?? 0) > warm;
}

// The range the feature kept so far, around what is expected: what a chart shows.
function band(f: Float32Array, at: number, seen: Seen, which: number): void {
  const pair = at + field.records + 2 * which;
  seen.low = seen.expected + (f[pair + 1] ?? 0);
  seen.high = seen.expected + (f[pair] ?? 0);
}

// How far each feature is beyond all it ever was (records fade slowly), in eighths of its range. Records need no
// belief about a distribution: the chance that the n-th of n exchangeable values is one is 1/n.
function weighRecords(f: Float32Array, at: number, n: number, nature: Nature, tuned: Tuning, seen: Seen): void {
  const fade = Math.LN2 / tuned.recordMemory;
  const up = nature.sides & 1 ? 1 : 0;
  const down = nature.sides & 2 ? 1 : 0;
  for (let which = 0; which < features; which++) {
    const pair = at + field.records + 2 * which;
    const value = seen.values[which] ?? 0;
    const high = f[pair] ?? 0;
    const low = f[pair + 1] ?? 0;
    const over = value > high ? value - high : 0;
    const under = value < low ? low - value : 0;
    const middle = (high + low) / 2;
    const pace = n <= warm ? 1 : paceOf(which, tuned);
    const top = high + over / pace;
    const bottom = low - under / pace;
    f[pair] = top - (top - middle) * fade;
    f[pair + 1] = bottom - (bottom - middle) * fade;
    if (n <= warm) continue;
    const excess = up * over + down * under;
    // More variation is a fall as well as a rise: it counts with the way the series went.
    if (excess <= 0 || (which >= variation && !isBadWay(nature, seen))) continue;
    const range = Math.max(high - low, seen.values[features + histograms + which] ?? 0, 1e-30);
    weigh(seen, which, Math.min(tuned.cap, (8 * excess) / range), tuned);
  }
}

// How many samples a record takes to follow. A mean of many samples creeps: were its record to follow each of them, it
// would never be beaten by much, however far it went.
function paceOf(which: number, tuned: Tuning): number {
  const memory = which < variation ? 0 : (variationMemory[which - variation] ?? 0);
  return Math.max(1, memory * tuned.recordPace);
}

// What was called an onset is on record from then on: it is not called once more while it lasts.
function adopt(f: Float32Array, at: number, seen: Seen): void {
  for (let which = 0; which < features; which++) {
    const pair = at + field.records + 2 * which;
    const value = seen.values[which] ?? 0;
    f[pair] = Math.max(f[pair] ?? 0, value);
    f[pair + 1] = Math.min(f[pair + 1] ?? 0, value);
  }
}

function weighHistograms(chunk: Chunk, slot: number, n: number, nature: Nature, tuned: Tuning, seen: Seen): void {
  const counted = chunk.floats[slot * floats + field.histogramSamples] ?? 0;
  const counts = n > warmHistogram && isBadWay(nature, seen);
  for (let which = 0; which < histograms; which++) {
    const layout = slot * floats + field.layouts + 2 * which;
    const where = slot * bytes + byte.histograms + which * bins;
    const oneIn = unfamiliarity(chunk, layout, where, seen.values[features + which] ?? 0, counted);
    if (!counts || oneIn < common) continue;
    const rare = Math.log(oneIn) - tuned.rare;
    if (rare > 0) weigh(seen, features + which, rare, tuned);
  }
  count(chunk, slot, counted + 1, tuned);
}

function isBadWay(nature: Nature, seen: Seen): boolean {
  const direction = seen.values[evidenceAt + 2] ?? 0;
  return nature.sides === 3 || (nature.sides === 1 ? direction > 0 : direction < 0);
}

function weigh(seen: Seen, which: number, amount: number, tuned: Tuning): void {
  const { values } = seen;
  const weighed = amount * (tuned.weights[which] ?? 0);
  values[evidenceAt] = (values[evidenceAt] ?? 0) + weighed;
  if (weighed <= (values[evidenceAt + 1] ?? 0)) return;
  values[evidenceAt + 1] = weighed;
  seen.cause = which;
}

function count(chunk: Chunk, slot: number, counted: number, tuned: Tuning): void {
  const where = slot * floats + field.histogramSamples;
  const full = counted >= tuned.histogramMemory;
  chunk.floats[where] = full ? counted / 2 : counted;
  if (!full) return;
  for (let which = 0; which < histograms; which++) halve(chunk.bytes, slot * bytes + byte.histograms + which * bins);
}
