import type { Principal } from '../../domain/authority.ts';
import type { IncidentView, PendingApproval } from '../views.ts';
import { briefOf } from './incident-list.ts';
import type { ApprovalView } from './views.ts';

/** A question with what an answer needs to be given in good conscience. */
export function approvalView(
  approval: PendingApproval,
  view: IncidentView | undefined,
  who: Principal,
  groups: readonly string[],
): ApprovalView {
  const file = view?.file;
  const plan = file?.plans.find(({ id }) => id === approval.planId);
  const decision = file?.decisions.findLast(({ planId }) => planId === approval.planId);
  const { requirement, rung, approvals, status } = approval;
  const asked = [...requirement.from, ...(rung > 0 ? requirement.then : [])];
  return {
    approval,
    ...(plan && { plan }),
    ...(decision && { decision }),
    ...(view && { incident: briefOf(view.incident) }),
    ...(file?.diagnosis && { diagnosis: file.diagnosis.summary }),
    yours:
      status === 'waiting' &&
      asked.some((one) => one === who.id || groups.includes(one)) &&
      !approvals.some(({ by }) => by.id === who.id),
  };
}
