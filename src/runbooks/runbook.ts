import type { Autonomy } from '../domain/authority.ts';
import type { AttemptLimit, ActionTraits, OnFail, VerifyRule } from '../domain/remediation.ts';
import type { Schema } from '../domain/ports/schema.ts';
import type { CelProgram } from '../lib/cel/index.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Selector } from '../lib/selector.ts';
import type { Template } from './template.ts';

/** What a runbook needs to know of an action kind: the registry's ActionKind has it all. */
export interface RunbookAction {
  readonly params: Schema<JsonObject>;
  readonly traits: ActionTraits;
}

/** What runbooks are checked against when they are loaded. */
export interface RunbookContext {
  readonly actions: ReadonlyMap<string, RunbookAction>;
  /** Signals that services have. Absent: any name may be a signal in `verify`, and none in conditions. */
  readonly signals?: ReadonlySet<string>;
}

/** One Runbook document, checked and compiled. */
export interface Runbook {
  readonly name: string;
  /** Digest of the document as written. */
  readonly digest: string;
  readonly summary: string;
  readonly services: Selector;
  readonly priority: number;
  /** The most that may be done with it, whatever policies grant. */
  readonly autonomy?: Autonomy;
  readonly when: CelProgram;
  /** `when`, cut at its outermost `&&`: tells which part of it is not so. */
  readonly clauses: readonly CelProgram[];
  readonly notWhen?: string;
  readonly params: Readonly<Record<string, ParamRule>>;
  readonly steps: readonly RunbookStep[];
  readonly verify: readonly VerifyRule[];
  readonly onFail: readonly OnFail[];
  readonly attempts: AttemptLimit;
}

/** What a parameter of a runbook may hold. */
export type ParamType = 'string' | 'int' | 'number' | 'bool' | 'duration';

/** A parameter of a runbook. Bounds of a duration are in milliseconds. */
export interface ParamRule {
  readonly type: ParamType;
  readonly default?: string | number | boolean;
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly (string | number)[];
}

/** A step as parsed: its action, the parameters still as templates. */
export interface RunbookStep {
  readonly id: string;
  readonly action: string;
  readonly traits: ActionTraits;
  readonly with: Template;
  /** The parameters as they were written, for what is worked out before anything is filled in. */
  readonly written: JsonObject;
  readonly timeout: Template;
  readonly retries: number;
  readonly require: readonly string[];
  readonly abortIf: readonly string[];
  /** What the whole runbook requires, on its first step: asked once, however often that is planned. */
  readonly once: readonly string[];
  /** For what it is planned, once each. */
  readonly each?: Each;
  readonly between: readonly VerifyRule[];
}

/** The list that a step is planned for: written down, or worked out from the facts. */
export type Each =
  { readonly is: 'list'; readonly items: readonly string[] } | { readonly is: 'worked-out'; readonly by: CelProgram };
