import type { Execution, StepRun } from '../../domain/remediation.ts';
import type { IncidentWhole } from '../wire.ts';
import { shortId } from '../lib/words.ts';
import { Card, State, Text, When } from './basic.tsx';

/** What was done, step by step, and whether it helped. */
export function Done({ of: { executions } }: { readonly of: IncidentWhole }) {
  if (executions.length === 0) return null;
  return (
    <Card title="What was done" flush>
      <ul class="rows">
        {[...executions].reverse().map((one) => (
          <One key={one.id} execution={one} />
        ))}
      </ul>
    </Card>
  );
}

function One({ execution }: { readonly execution: Execution }) {
  const { plan, verification } = execution;
  return (
    <li class="body">
      <div class="row">
        <span class="title">
          <State kind="executions" of={execution.status} />
          <Text>{plan.runbook.name}</Text>
        </span>
        <span class="side">
          <When atMs={execution.startedAtMs} />
        </span>
        <span class="sub">
          {execution.because === undefined ? null : <Text>{execution.because}</Text>} plan{' '}
          <code>{shortId(plan.id)}</code>
        </span>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Steps and checks">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">State</th>
              <th scope="col">When</th>
              <th scope="col">What came of it</th>
            </tr>
          </thead>
          <tbody>
            {execution.steps.map((step) => (
              <Step key={`${step.stepId} ${step.attempt}`} step={step} plan={plan} />
            ))}
            {verification?.rules.map((rule) => (
              <tr key={rule.expect}>
                <th scope="row">
                  Did it help? <code>{rule.expect}</code>
                </th>
                <td>
                  <State kind="verifications" of={rule.status} />
                </td>
                <td>{rule.sinceMs === undefined ? '' : <When atMs={rule.sinceMs} clock />}</td>
                <td>
                  <Text>{rule.because}</Text>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </li>
  );
}

function Step({ step, plan }: { readonly step: StepRun; readonly plan: Execution['plan'] }) {
  const planned = plan.steps.find(({ id }) => id === step.stepId);
  return (
    <tr>
      <th scope="row">
        <Text>{planned?.describe ?? step.stepId}</Text>
        {step.attempt > 1 ? <span class="soft small"> attempt {step.attempt}</span> : null}
      </th>
      <td>
        {step.status === undefined ? <span class="soft">{step.phase}</span> : <State kind="steps" of={step.status} />}
      </td>
      <td>{step.intentAtMs === undefined ? '' : <When atMs={step.intentAtMs} clock />}</td>
      <td>
        {step.message === undefined ? null : <Text>{step.message}</Text>}
        {step.undo === undefined ? null : (
          <p>
            Undo: <State kind="steps" of={step.undo.status} /> <Text>{step.undo.message}</Text>
          </p>
        )}
      </td>
    </tr>
  );
}
