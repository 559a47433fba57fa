import type { Charts, IncidentWhole } from '../wire.ts';
import { AnswerButtons, AskedOf } from '../parts/answer.tsx';
import { Card, Go, State, Text, Trouble, ViewHead, Waiting, When } from '../parts/basic.tsx';
import { ChartGroup } from '../parts/chart.tsx';
import { DecisionView } from '../parts/decision.tsx';
import { Causes } from '../parts/causes.tsx';
import { Done } from '../parts/done.tsx';
import { PlanChecks, PlanId, PlanSteps } from '../parts/plan.tsx';
import { Requests } from '../parts/requests.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { chartOf, isDrawn } from '../lib/chart.ts';
import { why } from '../lib/why.ts';
import { rough } from '../lib/time.ts';
import { useResource } from '../net/resource.ts';
import { now } from '../net/clock.ts';

const mostCharts = 6;

/** One incident: what it is, why the watch did or did not act, what it proposes, and the whole story. */
export function IncidentView({ id }: { readonly id: string }) {
  const { value, error } = useResource<IncidentWhole>(`/api/v1/incidents/${encodeURIComponent(id)}`);
  if (value === undefined)
    return (
      <div class="view">
        <ViewHead title="Incident" />
        {error === undefined ? <Waiting /> : <Trouble error={error} />}
      </div>
    );
  // What is wanted of a person comes first, and else why it did what it did.
  const waits = value.approvals.some(({ status }) => status === 'waiting');
  return (
    <div class="view">
      <Head of={value} />
      {error === undefined ? null : <Trouble error={error} />}
      <div class="two">
        <div>
          {waits ? <Proposal of={value} /> : <Why of={value} />}
          {value.incident.status === 'resolved' ? null : <Requests incidentId={value.incident.id} />}
          <Measured id={value.incident.id} />
          <Causes of={value} />
          {waits ? <Why of={value} /> : <Done of={value} />}
          {waits ? <Done of={value} /> : <Proposal of={value} />}
          <Considered of={value} />
        </div>
        <div>
          <Findings of={value} />
          <Timeline lines={value.incident.timeline} />
        </div>
      </div>
    </div>
  );
}

function Head({ of: { incident, file } }: { readonly of: IncidentWhole }) {
  const { openedAtMs, resolvedAtMs, recurrenceOf, mergedInto, services, service } = incident;
  const others = services.filter((name) => name !== service);
  return (
    <>
      <ViewHead
        title={<Text>{incident.title}</Text>}
        sub={
          <>
            <State kind="severities" of={incident.severity} /> <State kind="incidents" of={incident.status} />{' '}
            <Go to={{ view: 'service', name: service }}>
              <Text>{service}</Text>
            </Go>
            {others.length === 0 ? '' : ` and ${others.join(', ')}`} · opened <When atMs={openedAtMs} />
            {resolvedAtMs === undefined ? (
              <> · open for {rough(now.value - openedAtMs)}</>
            ) : (
              <>
                {' '}
                · resolved <When atMs={resolvedAtMs} /> after {rough(resolvedAtMs - openedAtMs)}
              </>
            )}
          </>
        }
      />
      {recurrenceOf === undefined ? null : (
        <p>
          It came back: before, it was <Go to={{ view: 'incident', id: recurrenceOf }}>this incident</Go>.
        </p>
      )}
      {mergedInto === undefined ? null : (
        <p>
          It turned out to be part of <Go to={{ view: 'incident', id: mergedInto }}>another incident</Go>, which goes
          on.
        </p>
      )}
      {file === undefined ? null : (
        <p>
          <strong>Where it stands: </strong>
          <Text>{file.standing}</Text>
          {file.snooze === undefined || file.snooze.untilMs <= now.value ? null : (
            <>
              . Put off by <Text>{file.snooze.by}</Text>: nobody is called until <When atMs={file.snooze.untilMs} />
            </>
          )}
        </p>
      )}
    </>
  );
}

function Proposal({ of: { file, approvals, executions } }: { readonly of: IncidentWhole }) {
  const plan = file?.plans.at(-1);
  if (plan === undefined) return null;
  const pending = approvals.find(({ planId }) => planId === plan.id);
  const waiting = pending?.status === 'waiting';
  const begun = executions.some((one) => one.plan.id === plan.id);
  return (
    <Card
      title={waiting ? 'Your answer is wanted' : begun ? 'The plan' : 'The plan that was made'}
      class={waiting ? 'asks' : ''}
      side={
        <span>
          {pending === undefined ? null : <State kind="approvals" of={pending.status} />} plan <PlanId id={plan.id} />
        </span>
      }
    >
      <p>
        <strong>
          <Text>{plan.runbook.name}</Text>
        </strong>
        : <Text>{plan.runbook.summary}</Text>
      </p>
      {plan.because === plan.runbook.summary ? null : (
        <p class="soft">
          <Text>{plan.because}</Text>
        </p>
      )}
      <PlanSteps plan={plan} />
      <PlanChecks plan={plan} />
      {pending === undefined ? null : <AskedOf pending={pending} />}
      {waiting ? (
        <AnswerButtons pending={pending} plan={plan} />
      ) : (
        <p class="soft small">
          The plan is good until <When atMs={plan.expiresAtMs} />.
        </p>
      )}
    </Card>
  );
}

function Why({ of }: { readonly of: IncidentWhole }) {
  const told = why(of);
  const decision = of.file?.decisions.at(-1);
  return (
    <Card title={told.title}>
      <ul>
        {told.because.map((sentence) => (
          <li key={sentence}>
            <Text>{sentence}</Text>
          </li>
        ))}
      </ul>
      {decision === undefined ? null : <DecisionView decision={decision} brief />}
      {of.file === undefined || of.file.suggestions.length === 0 ? null : (
        <div>
          <h3>What you can do</h3>
          <ul>
            {of.file.suggestions.map((one) => (
              <li key={one}>
                <Text>{one}</Text>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}

function Measured({ id }: { readonly id: string }) {
  const { value } = useResource<Charts>(`/api/v1/incidents/${encodeURIComponent(id)}/charts`);
  const charts = value?.charts.map((curve) => chartOf(curve, value.marks)).filter(isDrawn) ?? [];
  if (charts.length === 0) return null;
  return (
    <Card title="What was measured">
      <ChartGroup charts={charts.slice(0, mostCharts)} />
    </Card>
  );
}

function Considered({ of: { file } }: { readonly of: IncidentWhole }) {
  if (file === undefined || file.matches.length === 0) return null;
  return (
    <Card title="Runbooks that were considered" flush>
      <ul class="rows">
        {[...file.matches]
          .sort((a, b) => Number(b.matched) - Number(a.matched))
          .map((one) => (
            <li key={one.runbook} class="row">
              <span class="title">
                <Text>{one.runbook}</Text>
              </span>
              <span class="side">{one.matched ? 'applies' : 'does not apply'}</span>
              <span class="sub">
                <Text>{one.because}</Text>
              </span>
            </li>
          ))}
      </ul>
    </Card>
  );
}

function Findings({ of: { alerts, incident } }: { readonly of: IncidentWhole }) {
  if (alerts.length === 0) return null;
  return (
    <Card title="What was found" flush>
      <ul class="rows">
        {alerts.map((one) => (
          <li key={one.fingerprint} class="row">
            <span class="title">
              <State kind="severities" of={one.severity} />
              <Text>{`${one.service} ${one.signal}`}</Text>
            </span>
            <span class="side">{incident.status === 'resolved' ? `now ${one.status}` : one.status}</span>
            <span class="sub">
              <Text>{one.finding.reason}</Text>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
