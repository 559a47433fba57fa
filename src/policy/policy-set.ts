import { digest } from '../lib/canonical.ts';
import { globMatches } from '../lib/glob.ts';
import type { AllowRule, FreezeRule, NeverRule, Policy, RuleMatch } from './policy.ts';

/** All policies in force, indexed so that a decision looks only at rules about its action. */
export interface PolicySet {
  /** Changes with any policy: approvals and decisions are bound to it. */
  readonly digest: string;
  readonly policies: readonly Policy[];
  /** Policies that could not be read. While there is one, everything is refused. */
  readonly invalid: readonly string[];
  /** What each policy says about an action. */
  about(action: string): readonly PolicyAbout[];
}

/** The rules of one policy that speak about one action, and those that do not (for the record). */
export interface PolicyAbout {
  readonly policy: Policy;
  /** False: the policy as a whole speaks about other actions; only `protect` and `storm` hold. */
  readonly applies: boolean;
  readonly allow: readonly Indexed<AllowRule>[];
  readonly never: readonly Indexed<NeverRule>[];
  readonly freeze: readonly Indexed<FreezeRule>[];
}

/** A rule with what is known of it for one action kind. */
export interface Indexed<Rule> {
  readonly rule: Rule;
  /** The rule's action globs match. */
  readonly matches: boolean;
}

// Actions come from code, so there are few; the bound only keeps a hostile caller from growing the index.
const maxIndexedActions = 1_000;

/** Puts policies together. `invalid` names those that exist but could not be read. */
export function policySet(policies: readonly Policy[], invalid: readonly string[] = []): PolicySet {
  const ordered = [...policies].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const index = new Map<string, readonly PolicyAbout[]>();
  return {
    digest: digest({ policies: ordered.map((policy) => policy.digest), invalid: [...invalid].sort() }),
    policies: ordered,
    invalid,
    about(action) {
      const known = index.get(action);
      if (known !== undefined) return known;
      const made = ordered.map((policy) => aboutAction(policy, action));
      if (index.size < maxIndexedActions) index.set(action, made);
      return made;
    },
  };
}

function aboutAction(policy: Policy, action: string): PolicyAbout {
  const about = <Rule extends { readonly match: RuleMatch }>(rules: readonly Rule[]): readonly Indexed<Rule>[] =>
    rules.map((rule) => ({ rule, matches: anyGlob(rule.match.actions, action) }));
  return {
    policy,
    applies: anyGlob(policy.actions, action),
    allow: about(policy.allow ?? []),
    never: about(policy.never),
    freeze: about(policy.freeze),
  };
}

/** Whether any of the globs matches. */
export function anyGlob(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => globMatches(pattern, text));
}
