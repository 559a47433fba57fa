import { WatchkeeperError } from '../../lib/errors.ts';
import type { Approval } from '../../domain/authority.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { AnswerResult, PendingApproval } from '../views.ts';
import { draft, subjectOf, type Answer, type ApprovalsOptions, type Save } from './types.ts';

type Refused = Extract<AnswerResult, { readonly is: 'refused' }>;

const shortestPrefix = 8;
const longestComment = 500;

/** The waiting plan an answer is about, or why there is none. */
export function find(about: string, all: readonly PendingApproval[]): PendingApproval | Refused {
  const matches = (pending: PendingApproval): boolean =>
    about.length >= shortestPrefix && (pending.planId.startsWith(about) || pending.incidentId.startsWith(about));
  const found = all.filter((pending) => pending.status === 'waiting' && matches(pending));
  if (found.length === 1 && found[0]) return found[0];
  if (found.length > 1) return refused(`${about} names ${found.length} waiting plans; give more of the plan's id`);
  const over = all.findLast(matches);
  if (over)
    return refused(`this was already settled: ${over.status}${over.because === undefined ? '' : ` (${over.because})`}`);
  return { ...refused(`nothing waits for an answer under ${about}`), unknown: true };
}

/** Takes one answer: refuses it with its reason, or records it and goes on. Every answer is in the ledger, refused ones too, or their number. */
export async function take(
  options: ApprovalsOptions,
  answer: Answer,
  found: PendingApproval | Refused,
  groups: readonly string[],
  save: Save,
): Promise<AnswerResult> {
  if ('is' in found) {
    await refuse(options, answer, undefined, found.message);
    return found;
  }
  const plan = options.plan(found.planId);
  if (plan === undefined) return refuse(options, answer, found, 'the plan is no longer kept; ask for a new one');
  const objection = objectionTo(options, answer, found, plan, groups);
  if (objection !== undefined) return refuse(options, answer, found, objection);
  const nowMs = options.clock.nowMs();
  const next: PendingApproval = {
    ...found,
    approvals: [...found.approvals, approvalFrom(options, answer, found, groups)],
  };
  const drafts = [
    draft(found, 'approval', nowMs, { verdict: answer.verdict, via: answer.via, groups: [...groups] }, answer.who.id),
  ];
  options.counted(answer.verdict);
  if (answer.verdict === 'deny') {
    const because = `${answer.who.id} said no`;
    await save({ ...next, status: 'denied', because }, drafts);
    await options.lapsed(next, because);
    return { is: 'recorded', message: 'Denied. One denial settles it: this plan will not be carried out.' };
  }
  // Durable before it is gone on with: whatever happens then, the next tick finds it.
  const owed: PendingApproval = { ...next, owed: true };
  await save(owed, drafts);
  return goOn(options, owed, plan, save);
}

/** Goes on with consent that is saved. Safe to call again: what has begun is not begun twice. */
export async function goOn(
  options: ApprovalsOptions,
  pending: PendingApproval,
  plan: Plan,
  save: Save,
): Promise<AnswerResult> {
  const { owed: _, ...settled } = pending;
  const granted = `approved by ${pending.approvals.map((given) => given.by.id).join(', ')}`;
  let came: Awaited<ReturnType<ApprovalsOptions['proceed']>>;
  try {
    if (options.begun(plan)) {
      await save({ ...settled, status: 'granted', because: granted }, []);
      return { is: 'recorded', message: 'Approved. It is being carried out.' };
    }
    came = await options.proceed(plan, pending.approvals);
  } catch (thrown) {
    return stuck(options, pending, WatchkeeperError.from(thrown), save);
  }
  const { decision, executionId } = came;
  switch (decision.outcome) {
    case 'allow': {
      await save({ ...settled, status: 'granted', because: granted }, []);
      return {
        is: 'recorded',
        message: 'Approved. It is being carried out.',
        decision,
        ...(executionId === undefined ? {} : { executionId }),
      };
    }
    case 'require-approval':
      await save(settled, []);
      return { is: 'recorded', message: `Recorded. ${decision.reasons[0] ?? 'More consent is needed.'}`, decision };
    case 'deny': {
      const because = decision.reasons.join('; ');
      await save({ ...settled, status: 'void', because }, []);
      await options.lapsed(settled, `policy denies it now: ${because}`, decision.code);
      return { is: 'refused', message: `Recorded, but policy denies it now: ${because}` };
    }
  }
}

// What can no longer be is over; any other fault passes, and the consent is kept for when it has.
async function stuck(
  options: ApprovalsOptions,
  pending: PendingApproval,
  error: WatchkeeperError,
  save: Save,
): Promise<AnswerResult> {
  options.log.error('consent could not be gone on with', { plan: pending.planId, error });
  if (error.code !== 'conflict')
    return {
      is: 'recorded',
      message: `Recorded. It could not be gone on with yet (${error.message}); that is tried again by itself.`,
    };
  const { owed: _, ...settled } = pending;
  await save({ ...settled, status: 'void', because: error.message }, []);
  return { is: 'refused', message: `Recorded, but ${error.message}` };
}

async function refuse(
  options: ApprovalsOptions,
  answer: Answer,
  pending: PendingApproval | undefined,
  message: string,
): Promise<AnswerResult> {
  options.counted('refused');
  await options.noteRefusal({
    type: 'approval-refused',
    actor: answer.who.id,
    atMs: options.clock.nowMs(),
    subject: pending ? subjectOf(pending) : {},
    body: { verdict: answer.verdict, via: answer.via },
    payload: { about: answer.about.slice(0, 200), reason: message },
  });
  return refused(message);
}

function refused(message: string): Refused {
  return { is: 'refused', message };
}

function objectionTo(
  options: ApprovalsOptions,
  answer: Answer,
  pending: PendingApproval,
  plan: Plan,
  groups: readonly string[],
): string | undefined {
  const nowMs = options.clock.nowMs();
  if (answer.shownOn !== undefined && answer.shownOn !== pending.incidentId)
    return 'it was given on the card of another incident';
  const asked = [...pending.requirement.from, ...(pending.rung > 0 ? pending.requirement.then : [])];
  if (!asked.some((who) => who === answer.who.id || groups.includes(who)))
    return `${answer.who.id} is not among those asked (${asked.join(', ')})`;
  if (pending.approvals.some((given) => given.by.id === answer.who.id)) return `${answer.who.id} has already answered`;
  if (nowMs >= pending.expiresAtMs) return 'too late: the request has expired';
  // A veto needs nothing but the right to give it; consent must be to exactly what is still so.
  if (answer.verdict === 'deny') return undefined;
  if (nowMs >= plan.expiresAtMs) return 'too late: the plan has expired; it will be made again';
  if (pending.epoch !== options.epoch) return 'the daemon restarted since it was asked; the plan will be made again';
  if (pending.policyDigest !== options.policyDigest())
    return 'the policies changed since it was asked; the plan will be made again';
  if (pending.requirement.notSelf && answer.who.id === plan.proposedBy) return 'nobody approves what they proposed';
  return undefined;
}

function approvalFrom(
  options: ApprovalsOptions,
  answer: Answer,
  pending: PendingApproval,
  groups: readonly string[],
): Approval {
  const atMs = options.clock.nowMs();
  return {
    id: options.random.id(atMs),
    planId: pending.planId,
    by: { id: answer.who.id, groups },
    verdict: answer.verdict,
    atMs,
    expiresAtMs: pending.expiresAtMs,
    stateHash: pending.stateHash,
    policyDigest: pending.policyDigest,
    epoch: pending.epoch,
    via: answer.via,
    ...(answer.comment === undefined ? {} : { comment: answer.comment.slice(0, longestComment) }),
  };
}
