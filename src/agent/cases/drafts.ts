import type { Decision } from '../../domain/authority.ts';
import type { Diagnosis } from '../../domain/diagnosis.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import type { Plan } from '../../domain/remediation.ts';
import { canonicalJson } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import { asJson } from '../records.ts';
import type { CaseFile } from '../views.ts';
import type { DecisionInput } from '../../policy/index.ts';

const actor = 'watchkeeper';

/** What was found to be the cause, or that nothing was. */
export function diagnosisDraft(diagnosis: Diagnosis): LedgerDraft {
  return {
    type: 'diagnosis',
    actor,
    atMs: diagnosis.asOfMs,
    subject: { incident: diagnosis.incidentId, service: diagnosis.service },
    body: {
      id: diagnosis.id,
      verdict: diagnosis.verdict,
      cause: diagnosis.cause,
      confidence: diagnosis.confidence,
      gaps: diagnosis.gaps.length,
    },
    payload: asJson(diagnosis),
  };
}

/** A plan as it was proposed, whole: its id can be recomputed from the payload. */
export function planDraft(plan: Plan): LedgerDraft {
  return {
    type: 'plan',
    actor: plan.proposedBy,
    atMs: plan.createdAtMs,
    subject: { incident: plan.incidentId, plan: plan.id, service: plan.service, runbook: plan.runbook.name },
    body: { runbookDigest: plan.runbook.digest, steps: plan.steps.length, diagnosis: plan.diagnosisId },
    payload: asJson(plan),
  };
}

/** A decision with the inputs it was made on, so that `replay` can make it again (I1). */
export function decisionDraft(decision: Decision, input: DecisionInput): LedgerDraft {
  const { plan } = input;
  // The policies are named by their digest; their programs are not data.
  const { policies, ...facts } = input;
  const recorded = { decision, policies: policies.digest, input: facts };
  return {
    type: 'decision',
    actor,
    atMs: decision.atMs,
    subject: {
      incident: plan.incidentId,
      plan: plan.id,
      service: plan.service,
      runbook: plan.runbook.name,
      ...(decision.stepId === undefined ? {} : { step: decision.stepId }),
    },
    body: {
      id: decision.id,
      outcome: decision.outcome,
      ...(decision.code === undefined ? {} : { code: decision.code }),
      decidedBy: decision.decidedBy,
      policyDigest: decision.policyDigest,
      inputDigest: decision.inputDigest,
    },
    payload: bounded(asJson(JSON.parse(JSON.stringify(recorded)))),
  };
}

/** The row of a case. */
export function putCase(file: CaseFile): {
  readonly space: 'diagnosis';
  readonly key: string;
  readonly value: ReturnType<typeof asJson>;
} {
  return { space: 'diagnosis', key: file.incidentId, value: asJson(file) };
}

// A payload above the limit would fail the whole transaction; the decision itself is then still recorded.
function bounded(payload: ReturnType<typeof asJson>): ReturnType<typeof asJson> {
  if (canonicalJson(payload).length <= limits.ledgerPayloadBytes) return payload;
  return { tooLarge: true };
}
