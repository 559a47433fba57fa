/**
 * CEL, the one expression language of every file people write: parsed and type-checked when a document is loaded,
 * evaluated by closures within a step budget. The parser is @bufbuild/cel's and regular expressions are RE2's; the
 * checker and the evaluator are ours, because a policy condition must be refused before it runs when it names anything
 * unknown, and must answer in about a microsecond when it does run.
 *
 * How we differ from the CEL specification, on purpose: ints and doubles mix in arithmetic and comparisons (the int is
 * converted); ints are exact up to 2^53 - 1 and fail beyond; dividing a double by zero fails; a duration may be
 * multiplied or divided by a number, and may be written in days and weeks; the pattern of `matches` and a time zone are
 * literals; maps have text keys; there are no messages, bytes or unsigned ints.
 */
export type * from './types.ts';
export { celReads, compileCel } from './compile.ts';
