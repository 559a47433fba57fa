import type { Pending, Question } from '../wire.ts';
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
  const { value } = useResource<Question>(`/api/v1/approvals/${encodeURIComponent(pending.planId)}`);
  const { plan, decision, incident, diagnosis, yours } = value ?? {};
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
          <Text>{incident?.title ?? 'this incident'}</Text>
        </Go>
      </p>
      {diagnosis === undefined ? null : (
        <p>
          <strong>Likely cause: </strong>
          <Text>{diagnosis}</Text>
        </p>
      )}
      {decision === undefined ? null : (
        <p>
          <strong>Why it asks: </strong>
          <Text>{decision.reasons.join('; ')}</Text>
        </p>
      )}
      {plan === undefined ? <Waiting /> : <PlanSteps plan={plan} />}
      <AskedOf pending={pending} />
      <AnswerButtons pending={pending} plan={plan} yours={yours} />
    </Card>
  );
}
