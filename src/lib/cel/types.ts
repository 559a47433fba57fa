import type { Json } from '../json.ts';
import type { Parsed } from '../issues.ts';

/**
 * The static type of a CEL value. `record` lists its fields: an unknown field refuses the expression when it is loaded.
 * `optional: true` marks a field that may be absent at run time: reading an absent one without `has()` is an evaluation
 * error, and an evaluation error in a policy is a deny.
 */
export type CelType =
  | { readonly is: 'bool' | 'int' | 'double' | 'string' | 'duration' | 'timestamp' | 'null' | 'dyn' }
  | { readonly is: 'list'; readonly of: CelType }
  | { readonly is: 'map'; readonly of: CelType }
  | { readonly is: 'record'; readonly name: string; readonly fields: Readonly<Record<string, CelField>> };

/** A field of an environment: its type, and whether it may be missing. */
export interface CelField {
  readonly type: CelType;
  readonly optional?: boolean;
  /** One line for editors, docs and error messages. */
  readonly doc?: string;
}

/** A function an environment offers beside CEL's own, such as `budget('availability')` or `approval.from('group:x')`. */
export interface CelFunction {
  readonly name: string;
  /** For a member function (`approval.from(...)`), the variable it is called on. */
  readonly on?: string;
  readonly params: readonly CelType[];
  readonly returns: CelType;
  readonly doc?: string;
  /** Evaluation steps one call costs. Default 1. */
  readonly cost?: number;
}

/** What an expression may name. Anything else is an error when the document is loaded. */
export interface CelEnvironment {
  readonly name: string;
  readonly variables: Readonly<Record<string, CelField>>;
  readonly functions?: readonly CelFunction[];
}

/**
 * Values given to a program. Numbers declared `int` are passed as CEL ints, `double` as doubles; durations and
 * timestamps are passed as milliseconds. Functions receive and return plain JSON values of their declared types.
 */
export interface CelBindings {
  readonly variables: Readonly<Record<string, Json>>;
  readonly functions?: Readonly<Record<string, (...args: readonly Json[]) => Json>>;
}

/** An evaluation either gives a value or an error with its reason; it never throws, and it always ends within budget. */
export type CelOutcome =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly reason: string; readonly kind: 'error' | 'budget' };

/** A checked expression. Evaluation is pure, deterministic, and bounded by `limits.celSteps`. */
export interface CelProgram {
  readonly source: string;
  readonly type: CelType;
  /** Variables the expression reads, as dotted paths (`diagnosis.confidence`), sorted. */
  readonly reads: readonly string[];
  evaluate(bindings: CelBindings): CelOutcome;
}

/** Parses and type-checks an expression; the result of `compile` in ./compile.ts. Issues carry an offset in the source. */
export type CelCompiled = Parsed<CelProgram>;
