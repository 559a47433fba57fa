import type { ApprovalRequirement, Principal } from '../../domain/authority.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { PendingApproval } from '../views.ts';
import { rowsOf } from '../rows.ts';
import { find, take } from './answer.ts';
import { approvalStage, planStateHash } from '../../policy/index.ts';
import { draft, put, type Approvals, type ApprovalsOptions, type Save } from './types.ts';

export { type Answer, type Approvals, type ApprovalsOptions } from './types.ts';

const mostKept = 1_000;

/** Makes the desk at which answers are taken, one at a time: two answers can never both be the last one needed. */
export function createApprovals(options: ApprovalsOptions): Approvals {
  const kept = new Map<string, PendingApproval>();
  const inTurn = queue();
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
        const nowMs = options.clock.nowMs();
        for (const pending of waiting()) if (pending.expiresAtMs <= nowMs) await expire(options, pending, save);
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
            await voidIt(pending, 'the daemon restarted since it was asked; the plan is made again');
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
