import type { RuleConsidered } from '../domain/authority.ts';
import type { Service } from '../domain/service.ts';
import { digest } from '../lib/canonical.ts';
import { globMatches } from '../lib/glob.ts';
import { selects } from '../lib/selector.ts';
import type { AllowRule, FreezeRule, NeverRule, Policy, RuleMatch } from './policy.ts';

/** All policies in force, indexed so that a decision looks only at rules about its action. */
export interface PolicySet {
  /** Changes with any policy: approvals and decisions are bound to it. */
  readonly digest: string;
  readonly policies: readonly Policy[];
  /** Policies that could not be read. While there is one, everything is refused. */
  readonly invalid: readonly string[];
  /** What each policy says about an action on a service. Remembered by the service's identity. */
  about(action: string, service: Service): readonly PolicyAbout[];
}

/** The rules of one policy that speak about one action on one service, and those that do not (for the record). */
export interface PolicyAbout {
  readonly policy: Policy;
  /** False: the policy as a whole speaks about other actions; only `protect` and `storm` hold. */
  readonly applies: boolean;
  /** The service is in the policy's scope. */
  readonly inScope: boolean;
  readonly allow: readonly Indexed<AllowRule>[];
  readonly never: readonly Indexed<NeverRule>[];
  readonly freeze: readonly Indexed<FreezeRule>[];
}

/** A rule with what is known of it for one action on one service. */
export interface Indexed<Rule> {
  readonly rule: Rule;
  /** What it says when it is about other actions or other services: the same in every decision. */
  readonly silent: RuleConsidered | undefined;
}

// Actions come from code, so there are few; the bound only keeps a hostile caller from growing the index.
const maxIndexedActions = 1_000;

/** Puts policies together. `invalid` names those that exist but could not be read. */
export function policySet(policies: readonly Policy[], invalid: readonly string[] = []): PolicySet {
  const ordered = [...policies].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const byService = new WeakMap<Service, Map<string, readonly PolicyAbout[]>>();
  return {
    digest: digest({ policies: ordered.map((policy) => policy.digest), invalid: [...invalid].sort() }),
    policies: ordered,
    invalid,
    about(action, service) {
      const byAction = byService.get(service) ?? new Map<string, readonly PolicyAbout[]>();
      byService.set(service, byAction);
      const known = byAction.get(action);
      if (known !== undefined) return known;
      const made = ordered.map((policy) => aboutAction(policy, action, service));
      if (byAction.size < maxIndexedActions) byAction.set(action, made);
      return made;
    },
  };
}

interface AnyRule {
  readonly rule: string;
  readonly match: RuleMatch;
}

function aboutAction(policy: Policy, action: string, service: Service): PolicyAbout {
  const about = <Rule extends AnyRule>(rules: readonly Rule[]): readonly Indexed<Rule>[] =>
    rules.map((rule) => ({ rule, silent: whySilent(rule, action, service) }));
  return {
    policy,
    applies: anyGlob(policy.actions, action),
    inScope: selects(policy.scope, service),
    allow: about(policy.allow ?? []),
    never: about(policy.never),
    freeze: about(policy.freeze),
  };
}

function whySilent({ rule, match }: AnyRule, action: string, service: Service): RuleConsidered | undefined {
  if (!anyGlob(match.actions, action)) return { rule, says: 'not-applicable', because: 'it is about other actions' };
  if (!selects(match.services, service))
    return { rule, says: 'not-applicable', because: `it is about other services than ${service.name}` };
  return undefined;
}

/** Whether any of the globs matches. */
export function anyGlob(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => globMatches(pattern, text));
}
