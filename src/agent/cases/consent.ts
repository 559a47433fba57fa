import { WatchkeeperError } from '../../lib/errors.ts';
import type { Approval, Decision, DenyCode } from '../../domain/authority.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { DecisionInput } from '../../policy/index.ts';
import type { PendingApproval } from '../views.ts';
import { decisionDraft } from './drafts.ts';
import { caseFacts, decideNow, decisionInput } from './facts.ts';
import { observeSteps } from './look.ts';
import { noticeId } from './notices.ts';
import { tell, tellingOf } from './telling.ts';
import { handedOver, isPassing, retryAfterMs, type CaseWork } from './work.ts';

/** Decides again, on live state, with the consent that came; starts the plan when that says allow. */
export async function proceed(
  work: CaseWork,
  plan: Plan,
  approvals: readonly Approval[],
): Promise<{ readonly decision: Decision }> {
  const { files } = work;
  const { decision, input } = await decideOn(work, plan, approvals);
  const who = approvals.map((one) => one.by.id).join(', ');
  await files.write(
    plan.incidentId,
    { decisions: [...files.get(plan.incidentId).decisions, decision] },
    [decisionDraft(decision, input)],
    [`${who} consented: ${decision.outcome}`],
  );
  if (decision.outcome === 'allow') work.begin({ plan, decision }, approvals);
  return { decision };
}

/** What policy says of a plan now, when nobody has consented to it yet. Changes nothing. */
export async function reconsider(work: CaseWork, plan: Plan): Promise<Decision> {
  return (await decideOn(work, plan, [])).decision;
}

async function decideOn(
  { watch, files }: CaseWork,
  plan: Plan,
  approvals: readonly Approval[],
): Promise<{ readonly decision: Decision; readonly input: DecisionInput }> {
  const { diagnosis } = files.get(plan.incidentId);
  const incident = watch.state().incidents.find((one) => one.id === plan.incidentId);
  const facts =
    incident && incident.status !== 'resolved' && diagnosis ? caseFacts(watch, incident, diagnosis) : undefined;
  if (!facts) throw new WatchkeeperError('conflict', 'the incident is over, so the plan is not carried out');
  const observations = await observeSteps(watch, facts.service, plan.steps);
  const input = decisionInput(watch, facts, { plan, observations, approvals });
  return { decision: decideNow(watch, input), input };
}

/** Asking is over without an act. A denial that passes is waited out and the case decided anew; else people have it. */
export async function onLapsed(
  work: CaseWork,
  pending: PendingApproval,
  because: string,
  code?: DenyCode,
): Promise<void> {
  if (code !== undefined && isPassing(code)) return onWithdrawn(work, pending, because, true);
  const question = noticeId('approval-needed', pending.incidentId, pending.planId);
  const heldMs =
    pending.status === 'waiting' && pending.approvals.length === 0 ? work.watch.ladder.heldUntil(question) : undefined;
  if (heldMs !== undefined) return onUnheard(work, pending, question, heldMs);
  // Somebody said no, or nobody said anything: asking again by itself would be nagging, and acting would be disobedience.
  await work.files.write(
    pending.incidentId,
    { standing: `${handedOver}: ${because}` },
    [],
    [`${pending.runbook} is not carried out: ${because}`],
  );
}

// It ran out in quiet hours, and nobody was told of it: that is nobody's silence. It is asked anew, with its whole time, when
// people can hear it.
async function onUnheard(work: CaseWork, pending: PendingApproval, question: string, heldMs: number): Promise<void> {
  const because = 'its time ran out while it was held for quiet hours';
  const at = `${new Date(heldMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  await work.watch.ladder.answered(pending.incidentId, because, question);
  await work.files.write(
    pending.incidentId,
    { standing: `${pending.runbook} is asked about anew at ${at}, when the quiet hours end`, retryAtMs: heldMs },
    [],
    [
      `${because[0]?.toUpperCase()}${because.slice(1)}, so nobody was asked about ${pending.runbook} yet: it is asked anew at ${at}`,
    ],
  );
}

/** A question is void, and not because of an answer: people are told so, and the case is decided anew. */
export async function onWithdrawn(
  work: CaseWork,
  pending: PendingApproval,
  because: string,
  later = false,
): Promise<void> {
  const { watch, files } = work;
  const { incidentId } = pending;
  const file = files.get(incidentId);
  const retryAtMs = watch.clock.nowMs() + (later ? retryAfterMs(file.tries) : 0);
  await files.write(
    incidentId,
    { standing: `${pending.runbook} is decided anew: ${because}`, retryAtMs },
    [],
    [`Nobody needs to consent to this ${pending.runbook} any more: ${because}`],
  );
  const plan = files.plan(pending.planId);
  const about = await tellingOf(work, {
    ...pending,
    runbook: { name: pending.runbook },
    createdAtMs: pending.requestedAtMs,
  });
  // Only this question is over: whoever is being called about the trouble itself is called on.
  await watch.ladder.answered(incidentId, because, noticeId('approval-needed', incidentId, pending.planId));
  await tell(work, about, 'approval-void', false, { ...(plan ? { plan } : {}), because, about: pending.planId });
}
