import { sha256Hex } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import { wildcard } from './mask.ts';

/** A kind of line, as learned, and how often it comes. */
export interface Template {
  /** Made of its first line, and kept when the template widens: an alert about it stays the same alert. */
  readonly id: string;
  tokens: string[];
  firstMs: number;
  lastMs: number;
  total: number;
  /** Whether it was there while the baseline was learned, or has been around for long since. */
  known: boolean;
  /** Counts a bucket, newest last; `bucket` is the index of the newest. */
  recent: number[];
  bucket: number;
  /** Usual count a bucket, and how many buckets taught it. */
  usual: number;
  taught: number;
}

const similar = 0.6;

/**
 * Finds the template of a line, or makes one: Drain's idea (He et al., ICWS 2017) with its fixed-depth tree flattened to
 * a key of length and first word. Full, the template unseen for longest makes room; what was forgotten is not new again
 * by that, because `known` is told from the outside.
 */
export function templateFor(templates: Template[], tokens: readonly string[], tMs: number): Template {
  let best: Template | undefined;
  let bestScore = similar;
  for (const template of templates) {
    if (template.tokens.length !== tokens.length || !sameStart(template.tokens[0], tokens[0])) continue;
    const score = likeness(template.tokens, tokens);
    if (score >= bestScore) [best, bestScore] = [template, score];
  }
  if (best !== undefined) {
    best.tokens = best.tokens.map((token, index) => (token === tokens[index] ? token : wildcard));
    return best;
  }
  if (templates.length >= limits.detectorLogTemplates) dropOldest(templates);
  const made: Template = {
    id: sha256Hex(tokens.join(' ')).slice(0, 12),
    tokens: [...tokens],
    firstMs: tMs,
    lastMs: tMs,
    total: 0,
    known: false,
    recent: [],
    bucket: 0,
    usual: 0,
    taught: 0,
  };
  templates.push(made);
  return made;
}

function sameStart(a: string | undefined, b: string | undefined): boolean {
  return a === b || a?.includes(wildcard) === true || b?.includes(wildcard) === true;
}

function likeness(a: readonly string[], b: readonly string[]): number {
  let same = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i] || a[i] === wildcard) same++;
  return same / Math.max(1, a.length);
}

function dropOldest(templates: Template[]): void {
  let oldest = 0;
  for (let i = 1; i < templates.length; i++)
    if ((templates[i]?.lastMs ?? 0) < (templates[oldest]?.lastMs ?? 0)) oldest = i;
  templates.splice(oldest, 1);
}

/** Buckets of counts kept for the recent past. */
export const bucketsKept = 10;

/** Brings a template's buckets up to `bucket`; what leaves the recent past teaches what is usual. */
export function advance(template: Template, bucket: number): void {
  if (template.recent.length === 0) Object.assign(template, { recent: [0], bucket });
  let steps = Math.min(bucket - template.bucket, 1_000);
  for (; steps > 0; steps--) {
    template.recent.push(0);
    if (template.recent.length > bucketsKept) teach(template, template.recent.shift() ?? 0);
  }
  template.bucket = Math.max(template.bucket, bucket);
}

function teach(template: Template, count: number): void {
  template.taught = Math.min(100_000, template.taught + 1);
  // A surge must not become usual at once: one bucket counts at most as four of the usual size.
  const capped = template.taught < 10 ? count : Math.min(count, 4 * template.usual + 4);
  template.usual += (capped - template.usual) / Math.min(template.taught, 1_440);
}

/** Chance of `count` or more where `mean` is usual, by Poisson: log10, so that small chances keep their size. */
export function poissonTailLog10(count: number, mean: number): number {
  if (count <= mean) return 0;
  // Chernoff's bound, exp(n - mean - n ln(n / mean)): above the truth, and close to it out here.
  const logE = count - mean - count * Math.log(count / Math.max(mean, 1e-9));
  return Math.min(0, logE / Math.LN10);
}
