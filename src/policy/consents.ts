import type { Approval, Decision } from '../domain/authority.ts';
import { planStateHash } from './approvals.ts';
import { decide } from './decide.ts';
import type { DecisionInput } from './input.ts';

/** Somebody's answer, as a test or a rehearsal tells of it. */
export interface Consent {
  readonly by: string;
  readonly verdict: 'approve' | 'deny';
}

/** Decides as if these people had just answered about exactly this plan: for tests, `plan` and `matrix`. */
export function decideWithConsents(input: Omit<DecisionInput, 'approvals'>, consents: readonly Consent[]): Decision {
  const approvals = consents.map(({ by, verdict }, index): Approval => ({
    id: `answer-${index}`,
    planId: input.plan.id,
    by: { id: by, groups: [] },
    verdict,
    atMs: input.asOfMs,
    expiresAtMs: input.asOfMs + 1,
    stateHash: planStateHash(input.plan),
    policyDigest: input.policies.digest,
    epoch: input.epoch,
    via: 'test',
  }));
  return decide({ ...input, approvals });
}
