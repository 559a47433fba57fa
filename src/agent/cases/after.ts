import type { Execution, Plan, StepStatus } from '../../domain/remediation.ts';
import type { ExecutionEvent, StepEvent } from '../executor/index.ts';
import { endSnooze } from './snooze.ts';
import { tell, tellingOf } from './telling.ts';
import type { CaseWork } from './work.ts';

// After an act that helped, the alerts have this long to clear before the case is looked at again.
const afterSuccessMs = 5 * 60_000;
// A step that was refused because the world had moved is planned anew, soon.
const afterRefusalMs = 5_000;
const mostRefusals = 5;

/** Takes what the executor tells: lines for the timeline, and at the end people or another try. */
export async function onExecution(
  work: CaseWork,
  event: ExecutionEvent,
  poke: (incidentId: string) => void,
): Promise<void> {
  if (event.kind === 'halted') {
    work.watch.health.set('executor', event.because);
    work.watch.log.error('the executor will not act again in this process', { because: event.because });
    return;
  }
  const { execution } = event;
  const { incidentId } = execution.plan;
  // A late check may come round when the incident is long over and its file put away.
  await work.files.load(incidentId);
  const known = work.files.get(incidentId).executions;
  const executions = known.includes(execution.id) ? known : [...known, execution.id];
  if (event.kind !== 'ended') {
    await work.files.write(
      incidentId,
      { executions, standing: standingOf(event.kind, execution.plan) },
      [],
      lineOf(event.kind, execution),
    );
    return;
  }
  work.watch.metrics.executions.inc({ status: execution.status });
  await onEnded(work, { ...event, execution }, executions, poke);
}

async function onEnded(
  work: CaseWork,
  event: Extract<ExecutionEvent, { kind: 'ended' }>,
  executions: readonly string[],
  poke: (incidentId: string) => void,
): Promise<void> {
  const { watch, files } = work;
  const { execution, because } = event;
  const { plan } = execution;
  const nowMs = watch.clock.nowMs();
  const line = `${plan.runbook.name} ended as "${execution.status}": ${because}`;
  const file = files.get(plan.incidentId);
  if (execution.status === 'succeeded') {
    await files.write(
      plan.incidentId,
      { executions, standing: `${plan.runbook.name} helped`, retryAtMs: nowMs + afterSuccessMs },
      [],
      [line],
    );
    const row = work.annotate(plan.incidentId, [], 'mitigated');
    if (row) await watch.ledger.record({ drafts: [], puts: [row] });
    await watch.ladder.answered(plan.incidentId, 'it was acted on and helped');
  } else if (execution.status === 'denied' && (file.refusals ?? 0) < mostRefusals) {
    await files.write(
      plan.incidentId,
      {
        executions,
        standing: `refused at the last moment: ${because}`,
        retryAtMs: nowMs + afterRefusalMs,
        refusals: (file.refusals ?? 0) + 1,
      },
      [],
      [line],
    );
    poke(plan.incidentId);
    return;
  } else await files.write(plan.incidentId, { executions, standing: `with people: ${because}` }, [], [line]);
  await tellOfEnd(work, execution, event.escalate);
}

// However it ended and whatever is left of its incident: who was acted for hears of the end (I14). Only a refusal that is
// planned anew at once is not worth a call; the timeline has it.
async function tellOfEnd(work: CaseWork, execution: Execution, escalate: boolean): Promise<void> {
  const { plan } = execution;
  const about = await tellingOf(work, plan);
  const { suggestions } = work.files.get(plan.incidentId);
  if (execution.status === 'succeeded')
    await tell(work, about, 'acted', false, { plan, execution, about: execution.id });
  else {
    await endSnooze(work, about.incident, 'an act for it did not help');
    await tell(work, about, 'act-failed', escalate, { plan, execution, suggestions, about: execution.id });
  }
  // A case that is over was only read back to be told of.
  const open = work.watch.state().incidents.some(({ id, status }) => id === plan.incidentId && status !== 'resolved');
  if (!open) work.files.forget(plan.incidentId);
}

function standingOf(kind: StepEvent, plan: Plan): string {
  if (kind === 'verifying') return `watching whether ${plan.runbook.name} helped`;
  return kind === 'step-undone' ? `taking back ${plan.runbook.name}` : `carrying out ${plan.runbook.name}`;
}

function lineOf(kind: StepEvent, execution: Execution): readonly string[] {
  const step = execution.steps.findLast((one) => one.phase !== 'planned');
  const planned = execution.plan.steps.find((one) => one.id === step?.stepId);
  switch (kind) {
    case 'step-intent':
      return [`Doing: ${planned?.describe ?? execution.plan.runbook.name}`];
    case 'step-outcome':
      return [
        `Step ${step?.stepId ?? ''} ${step?.status ?? ''}${step?.message === undefined ? '' : `: ${step.message}`}`,
      ];
    case 'step-verified': {
      const looked = execution.steps.findLast((one) => one.between !== undefined);
      const said = looked?.between?.rules.map((rule) => rule.because).join('; ') ?? '';
      return [`Looked after ${looked?.stepId ?? ''}, ${looked?.between?.status ?? ''}: ${said}`];
    }
    case 'step-undone':
      return [`Step ${step?.stepId ?? ''} ${undoneWords(step?.undo?.status)}: ${step?.undo?.message ?? ''}`];
    case 'verifying':
      return ['Watching whether it helped'];
  }
}

// A way back that stopped must not read as one that was gone.
function undoneWords(status: StepStatus | undefined): string {
  if (status === 'succeeded') return 'was taken back';
  return status === 'unknown' || status === 'inconclusive' ? 'may have been taken back' : 'was not taken back';
}
