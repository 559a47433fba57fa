import type { IncidentWhole, Pending } from '../wire.ts';
import { AnswerButtons, AskedOf } from '../parts/answer.tsx';
import { Card, Empty, Go, State, Text, Trouble, ViewHead, Waiting } from '../parts/basic.tsx';
import { PlanId, PlanSteps } from '../parts/plan.tsx';
import { useResource } from '../net/resource.ts';
import { count } from '../lib/words.ts';

/** Plans that wait for a person, each with all that is needed to answer. */
export function ApprovalsView() {
  const { value, error } = useResource<{ readonly approvals: readonly Pending[] }>('/api/v1/approvals');
  const waiting = value?.approvals.filter(({ status }) => status === 'waiting');
  return (
    <div class="view">
      <ViewHead
        title="Approvals"
        sub={waiting === undefined ? undefined : `${count(waiting.length, 'plan')} waiting for a person`}
      />
      {error === undefined ? null : <Trouble error={error} />}
      {value === undefined && error === undefined ? <Waiting /> : null}
      {waiting?.length === 0 ? (
        <section class="card" aria-label="Approvals">
          <Empty>Nothing waits for a person.</Empty>
        </section>
      ) : null}
      {waiting?.map((pending) => (
        <One key={pending.planId} pending={pending} />
      ))}
    </div>
  );
}

function One({ pending }: { readonly pending: Pending }) {
  const { value } = useResource<IncidentWhole>(`/api/v1/incidents/${encodeURIComponent(pending.incidentId)}`);
  const plan = value?.file?.plans.find(({ id }) => id === pending.planId);
  const reasons = value?.file?.decisions.findLast(({ planId }) => planId === pending.planId)?.reasons ?? [];
  return (
    <Card
      title={`${pending.runbook} on ${pending.service}`}
      class="asks"
      side={
        <span>
          <State kind="approvals" of={pending.status} /> plan <PlanId id={pending.planId} />
        </span>
      }
    >
      <p>
        For{' '}
        <Go to={{ view: 'incident', id: pending.incidentId }}>
          <Text>{value?.incident.title ?? 'this incident'}</Text>
        </Go>
      </p>
      {reasons.length === 0 ? null : (
        <p>
          <strong>Why it asks: </strong>
          <Text>{reasons.join('; ')}</Text>
        </p>
      )}
      {plan === undefined ? <Waiting /> : <PlanSteps plan={plan} />}
      <AskedOf pending={pending} />
      <AnswerButtons pending={pending} {...(plan === undefined ? {} : { plan })} />
    </Card>
  );
}
