/**
 * Whether `falseAlarms` means what it says: how often kind `anomaly` calls noise in which nothing ever happens, beside how often it
 * was asked to, for noises of nine kinds, light tails and heavy ones.
 *
 *   node bench/calibration.ts [--series N] [--days N]
 */
import { parseArgs } from 'node:util';

import { emptySeen } from '../src/detectors/anomaly/engine.ts';
import { natureOf } from '../src/detectors/anomaly/nature.ts';
import { emptyChunk } from '../src/detectors/anomaly/rows.ts';
import { foldSample } from '../src/detectors/anomaly/sample.ts';
import { tuning } from '../src/detectors/anomaly/tuning.ts';
import { report } from './report.ts';

const { values } = parseArgs({
  options: { series: { type: 'string', default: '40' }, days: { type: 'string', default: '120' } },
});
const [series, days] = [Number(values.series), Number(values.days)];

const dayMs = 86_400_000;
const stepMs = 300_000;
const aDay = dayMs / stepMs;
/** Not counted: until then a series is young. */
const youngDays = 14;
const fromMs = 1_767_571_200_000;
/** Days between two false alarms. */
const wanted = [3.5, 30, 365] as const;

let state = 12_345;
const uniform = (): number => {
  state = (state * 48_271) % 2_147_483_647;
  return state / 2_147_483_647;
};
const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
const student3 = (): number => normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3);

function poisson(mean: number): number {
  let [count, left] = [0, uniform()];
  for (const least = Math.exp(-mean); left > least; left *= uniform()) count++;
  return count;
}

/** Makes a series of one kind of noise: a value for each sample. */
const noises: Readonly<Record<string, () => (sample: number) => number>> = {
  gaussian: () => () => 100 + 5 * normal(),
  autoregressive: () => {
    let last = 0;
    return () => 100 + 5 * (last = 0.95 * last + normal());
  },
  daily: () => (sample) => 100 + 40 * Math.sin((2 * Math.PI * sample) / aDay) + 5 * normal(),
  poisson: () => () => poisson(3),
  'log-normal, 0.3': () => () => 100 * Math.exp(0.3 * normal()),
  'log-normal, 1': () => () => 100 * Math.exp(normal()),
  'Student, 3': () => () => 100 + 5 * student3(),
  'Pareto, 2': () => () => 100 / Math.sqrt(uniform()),
  bursts: () => () => 100 + 5 * normal() + (uniform() < 0.005 ? 300 * uniform() : 0),
};

const nature = natureOf({ nature: 'gauge', unit: '1' }, undefined);
const manner = { nature, freezes: true, falseAlarmEveryMs: 3.5 * dayMs, tuned: tuning };

/** How many samples of a series are called, at each of the rates that were asked for. */
function called(noise: (sample: number) => number): readonly number[] {
  const chunk = emptyChunk();
  const seen = emptySeen();
  const shown = { v: 0, certain: 0, most: Infinity };
  const counts = wanted.map(() => 0);
  for (let sample = 0; sample < days * aDay; sample++) {
    shown.v = shown.certain = noise(sample);
    foldSample(chunk, 0, fromMs + sample * stepMs, shown, manner, seen);
    if (sample < youngDays * aDay) continue;
    wanted.forEach((every, index) => {
      if (seen.surprise >= Math.log(every * aDay)) counts[index] = (counts[index] ?? 0) + 1;
    });
  }
  return counts;
}

for (const [name, make] of Object.entries(noises)) {
  const all = Array.from({ length: series }, () => called(make()));
  wanted.forEach((every, index) => {
    const asked = (series * (days - youngDays)) / every;
    const got = all.reduce((sum, counts) => sum + (counts[index] ?? 0), 0);
    report({
      bench: 'calibration',
      name: `${name}, once in ${every} days`,
      value: got / asked,
      unit: 'of what was asked',
    });
  });
}
