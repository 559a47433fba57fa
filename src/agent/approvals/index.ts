import { digest } from '../../lib/canonical.ts';
import type { ApprovalRequirement, Decision, Principal } from '../../domain/authority.ts';
import type { Plan } from '../../domain/remediation.ts';
import { asJson } from '../records.ts';
import type { PendingApproval } from '../views.ts';
import { rowsOf } from '../rows.ts';
import { find, goOn, take } from './answer.ts';
import { approvalStage, planStateHash } from '../../policy/index.ts';
import { draft, put, type Approvals, type ApprovalsOptions, type Save } from './types.ts';

export { type Answer, type Approvals, type ApprovalsOptions } from './types.ts';

const mostKept = 1_000;

/** Why nobody needs to be called to a question any more; one that nobody answered in time is called about further. */
export function questionOver({ status, because, epoch }: PendingApproval, epochNow: number): string | undefined {
  if (status === 'waiting') return epoch === epochNow ? undefined : 'the daemon restarted since it was asked';
  return status === 'expired' ? undefined : (because ?? status);
}

/** Makes the desk at which answers are taken, one at a time: two answers can never both be the last one needed. */
export function createApprovals(options: ApprovalsOptions): Approvals {
  const kept = new Map<string, PendingApproval>();
  const inTurn = queue();
  const tried = new Map<string, number>();
  const save: Save = async (pending, drafts) => {
    await options.ledger.record({ drafts, puts: [put(pending)] });
    kept.set(pending.planId, pending);
    forgetOldest(kept);
  };
  const waiting = (): readonly PendingApproval[] =>
    [...kept.values()].filter((pending) => pending.status === 'waiting');
  const voidIt = (pending: PendingApproval, because: string): Promise<void> =>
    save({ ...pending, status: 'void', because }, [
      draft(pending, 'approval-refused', options.clock.nowMs(), { reason: 'void' }),
    ]);
  // Who had said yes believes that something happens: that it does not, they must hear.
  const voidAndTell = async (pending: PendingApproval, because: string): Promise<void> => {
    await voidIt(pending, because);
    if (pending.approvals.length > 0) await options.withdrawn(pending, because);
  };
  const groupsOf = (principal: Principal): readonly string[] => groupsFor(options, principal);

  return {
    request: (plan, requirement) =>
      inTurn(async () => {
        const pending = firstRequest(options, plan, requirement);
        const body = { from: [...requirement.from], need: requirement.need, expiresAtMs: pending.expiresAtMs };
        await save(pending, [draft(pending, 'approval-requested', pending.requestedAtMs, body)]);
        return pending;
      }),
    answer: (answer) =>
      inTurn(() => take(options, answer, find(answer.about, [...kept.values()]), groupsOf(answer.who), save)),
    tick: () =>
      inTurn(async () => {
        for (const pending of waiting()) await lookAfter(options, pending, save, tried);
      }),
    resume: () =>
      inTurn(async () => {
        const found: PendingApproval[] = [];
        for await (const { value } of rowsOf(options.store, 'approval'))
          found.push(value as unknown as PendingApproval);
        // Their keys are digests, which know no time; the oldest is forgotten first, but never one that waits.
        for (const pending of found.sort((a, b) => a.requestedAtMs - b.requestedAtMs)) {
          kept.set(pending.planId, pending);
          forgetOldest(kept);
        }
        for (const pending of waiting()) {
          if (pending.epoch !== options.epoch)
            await voidAndTell(pending, 'the daemon restarted since it was asked; the plan is made again');
        }
      }),
    withdraw: (incidentId, because) =>
      inTurn(async () => {
        for (const pending of waiting()) if (pending.incidentId === incidentId) await voidIt(pending, because);
      }),
    of: (planId) => kept.get(planId),
    waiting,
    all: () => [...kept.values()],
    groupsOf,
  };
}

function firstRequest(options: ApprovalsOptions, plan: Plan, requirement: ApprovalRequirement): PendingApproval {
  const nowMs = options.clock.nowMs();
  return {
    planId: plan.id,
    incidentId: plan.incidentId,
    service: plan.service,
    runbook: plan.runbook.name,
    requirement,
    requestedAtMs: nowMs,
    expiresAtMs: Math.min(nowMs + requirement.expiresMs, plan.expiresAtMs),
    stateHash: planStateHash(plan),
    policyDigest: options.policyDigest(),
    epoch: options.epoch,
    rung: 0,
    approvals: [],
    status: 'waiting',
  };
}

const tryAgainMs = 5_000;

async function lookAfter(
  options: ApprovalsOptions,
  pending: PendingApproval,
  save: Save,
  tried: Map<string, number>,
): Promise<void> {
  const nowMs = options.clock.nowMs();
  const plan = options.plan(pending.planId);
  if (pending.expiresAtMs > nowMs && pending.policyDigest !== options.policyDigest())
    return review(options, pending, plan, save);
  if (pending.owed !== true || plan === undefined)
    return pending.expiresAtMs <= nowMs ? expire(options, pending, save) : undefined;
  const atMs = options.clock.monotonicMs();
  if (atMs - (tried.get(pending.planId) ?? -Infinity) < tryAgainMs) return undefined;
  tried.set(pending.planId, atMs);
  const result = await goOn(options, pending, plan, save);
  options.log.info('consent was gone on with again', { plan: pending.planId, result: result.message });
  if (pending.expiresAtMs <= nowMs && result.is === 'recorded' && result.decision?.outcome !== 'allow')
    await expire(options, pending, save);
  return undefined;
}

// Consent is bound to the policies it was asked under (I4). Where the new ones ask the same, and nobody has answered yet,
// the question stands under them; any other question is void, since an answer to it could never count.
async function review(
  options: ApprovalsOptions,
  pending: PendingApproval,
  plan: Plan | undefined,
  save: Save,
): Promise<void> {
  const atMs = options.clock.nowMs();
  const decision = plan === undefined ? undefined : await options.reconsider(plan).catch(() => undefined);
  const same =
    decision?.approval !== undefined &&
    pending.approvals.length === 0 &&
    digest(asJson(decision.approval)) === digest(asJson(pending.requirement));
  if (same) {
    const body = { from: [...pending.requirement.from], need: pending.requirement.need, reason: 'policy-changed' };
    const next = { ...pending, policyDigest: decision.policyDigest };
    return save(next, [draft(next, 'approval-requested', atMs, body)]);
  }
  const now =
    decision === undefined
      ? ''
      : `; now it is ${wordFor[decision.outcome]}: ${decision.reasons[0] ?? decision.decidedBy}`;
  const because = `the policies changed since it was asked${now}`;
  const { owed: _, ...settled } = pending;
  await save({ ...settled, status: 'void', because }, [
    { ...draft(pending, 'approval-refused', atMs, { reason: 'policy-changed' }), payload: { reason: because } },
  ]);
  return options.withdrawn(settled, because);
}

const wordFor: Readonly<Record<Decision['outcome'], string>> = {
  allow: 'allowed without',
  'require-approval': 'asked otherwise',
  deny: 'denied',
};

// The stages are the policy's: the same function that counts consent says who is being asked.
async function expire(options: ApprovalsOptions, pending: PendingApproval, save: Save): Promise<void> {
  const nowMs = options.clock.nowMs();
  const stage = approvalStage(pending.requirement, pending.requestedAtMs, nowMs);
  const plan = options.plan(pending.planId);
  if (stage.is === 'asking' && plan !== undefined && plan.expiresAtMs > nowMs) {
    const expiresAtMs = Math.min(stage.untilMs, plan.expiresAtMs);
    const body = { from: [...stage.from], need: pending.requirement.need, expiresAtMs };
    return save({ ...pending, rung: pending.rung + 1, expiresAtMs }, [
      draft(pending, 'approval-requested', nowMs, body),
    ]);
  }
  const because = `nobody answered in time; it ends as "${pending.requirement.finally}"`;
  await save({ ...pending, status: 'expired', because }, [
    draft(pending, 'approval-refused', nowMs, { reason: 'expired' }),
  ]);
  await options.lapsed(pending, because);
}

function groupsFor(options: ApprovalsOptions, principal: Principal): readonly string[] {
  return Object.entries(options.groups())
    .filter(([, members]) => members.includes(principal.id))
    .map(([group]) => group)
    .sort();
}

function forgetOldest(kept: Map<string, PendingApproval>): void {
  for (const [id, pending] of kept) {
    if (kept.size <= mostKept) return;
    if (pending.status !== 'waiting') kept.delete(id);
  }
}

/** One thing after another, whatever became of the one before. */
function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let turn: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = turn.then(work, work);
    turn = next.catch(() => undefined);
    return next;
  };
}
