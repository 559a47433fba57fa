import type { Sample } from '../domain/telemetry.ts';

/** At most this many samples may one notation make: a test is small. */
const mostSamples = 50_000;

/**
 * Samples from a short notation, after promtool's: `0.01x30` is thirty times 0.01, `100+5x20` twenty values from 100
 * in steps of 5, `90-2x3` falls, `_x5` leaves five out, a bare `0.3` is one value; `%` divides by a hundred.
 *
 * @returns a sentence instead when the text cannot be read.
 */
export function samplesFrom(text: string, fromMs: number, stepMs: number): readonly Sample[] | string {
  const samples: Sample[] = [];
  let index = 0;
  for (const word of text.trim().split(/\s+/)) {
    const parts = /^(_|-?\d+(?:\.\d+)?(?:e-?\d+)?%?)(?:([+-]\d+(?:\.\d+)?(?:e-?\d+)?%?))?(?:x(\d{1,5}))?$/.exec(word);
    if (parts === null) return `cannot read ${JSON.stringify(word)}: write 0.01x30, 100+5x20, _x5 or a plain number`;
    const count = Number(parts[3] ?? 1);
    if (index + count > mostSamples) return `more than ${mostSamples} samples`;
    const start = parts[1] ?? '_';
    for (let i = 0; i < count; i++, index++)
      if (start !== '_') samples.push({ tMs: fromMs + index * stepMs, v: plain(start) + i * plain(parts[2] ?? '0') });
  }
  return samples;
}

function plain(text: string): number {
  return text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
}

/** How many steps the notation spans, samples and holes alike. */
export function stepsIn(text: string): number {
  let steps = 0;
  for (const word of text.trim().split(/\s+/)) steps += Number(/x(\d{1,5})$/.exec(word)?.[1] ?? 1);
  return steps;
}
