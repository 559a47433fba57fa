import type { Plan, PlannedStep } from '../../domain/remediation.ts';
import { formatDuration } from '../../lib/duration.ts';
import { shortId } from '../lib/words.ts';
import { Facts, Text } from './basic.tsx';

/** What would be done, step by step: targets by name, before and after, how much it touches, how it is undone. */
export function PlanSteps({ plan }: { readonly plan: Plan }) {
  return (
    <ol class="steps">
      {plan.steps.map((step, at) => (
        <li key={step.id}>
          <p>
            <strong>
              {at + 1}. <Text>{step.describe}</Text>
            </strong>
          </p>
          {step.diff.length === 0 ? null : <Diff lines={step.diff} />}
          <Facts
            of={[
              ['Action', <code>{step.action}</code>],
              ['Targets', <Targets step={step} />],
              ['Blast radius', blastText(step)],
              ['If it goes wrong', undoText(step, plan)],
            ]}
          />
        </li>
      ))}
    </ol>
  );
}

/** What must come true afterwards. */
export function PlanChecks({ plan }: { readonly plan: Plan }) {
  if (plan.verify.length === 0) return null;
  return (
    <div>
      <h3>It helped when</h3>
      <ul>
        {plan.verify.map((rule) => (
          <li key={rule.expect}>
            <code>
              <Text>{rule.expect}</Text>
            </code>{' '}
            <span class="soft small">
              {rule.forMs === undefined ? '' : `for ${formatDuration(rule.forMs)} `}
              {rule.withinMs === undefined ? '' : `within ${formatDuration(rule.withinMs)}`}
              {rule.atMs === undefined ? '' : `${formatDuration(rule.atMs)} after the act`}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The name of a plan, as an answer has to give it. */
export function PlanId({ id }: { readonly id: string }) {
  return (
    <code class="has-title" title={id}>
      {shortId(id)}
    </code>
  );
}

/** Before and after, line by line; the sign says which is which. */
export function Diff({ lines }: { readonly lines: readonly string[] }) {
  return (
    <pre class="diff" role="group" aria-label="Before and after">
      {lines.map((line) => (
        <div class={line.startsWith('+') ? 'plus' : line.startsWith('-') ? 'minus' : ''}>
          <Text>{line}</Text>
        </div>
      ))}
    </pre>
  );
}

function Targets({ step }: { readonly step: PlannedStep }) {
  const { targets } = step.blast;
  const names = targets.length === 0 ? [`${step.target.kind} ${step.target.id}`] : targets;
  const shown = names.slice(0, 8).join(', ');
  return <Text>{names.length > 8 ? `${shown} and ${names.length - 8} more` : shown}</Text>;
}

/** How much a step touches, in a sentence. */
function blastText({ blast, traits }: PlannedStep): string {
  const parts = [
    `${blast.touched} of ${blast.total} touched`,
    `${blast.healthyAfter} healthy while it runs`,
    ...(blast.replicasAfter === undefined ? [] : [`${blast.replicasAfter} afterwards`]),
    `reaches ${traits.scope}`,
    ...(blast.dependents.length === 0 ? [] : [`${blast.dependents.join(', ')} depend on it`]),
  ];
  return `${parts.join('; ')}.`;
}

function undoText({ traits }: PlannedStep, plan: Plan): string {
  const undo = traits.reversible ? 'it can be undone' : 'it cannot be undone';
  const lost = traits.destructive ? '; data can be lost' : '';
  const then = plan.onFail.map((one) => (one === 'undo' ? 'it is undone' : 'people are called')).join(', then ');
  return `${undo}${lost}${then === '' ? '' : `; when it fails, ${then}`}.`;
}
