import type { IncidentWhole } from '../wire.ts';

/** Why the watch acted, or why it did not, in sentences. */
export interface Why {
  readonly title: string;
  readonly because: readonly string[];
}

/** Tells it from what is known of the case: what was done counts more than what was decided, and that more than a match. */
export function why({ file, executions, approvals, incident }: IncidentWhole): Why {
  const execution = executions.at(-1);
  if (execution !== undefined) {
    const acted = execution.steps.some(({ intentAtMs }) => intentAtMs !== undefined);
    const ended = execution.because === undefined ? [] : [execution.because];
    return acted
      ? { title: 'Why it acted', because: [execution.plan.because, ...ended] }
      : { title: 'Why it did not act', because: [...ended, `the plan came to be ${execution.status}`] };
  }
  if (incident.mode === 'shadow')
    return { title: 'Why it did not act', because: ['its detector is in shadow: it records, and never acts or pages'] };
  if (file === undefined) return { title: 'Why it did not act', because: ['nothing was worked out about it yet'] };
  const decision = file.decisions.at(-1);
  const waiting = approvals.some(({ status }) => status === 'waiting');
  if (waiting) return { title: 'Why it has not acted yet', because: decision?.reasons ?? [file.standing] };
  const lapsed = approvals.flatMap(({ because }) => because ?? []);
  if (decision !== undefined) return { title: 'Why it did not act', because: unique([...lapsed, ...decision.reasons]) };
  const matched = file.matches.some((one) => one.matched);
  const none = matched ? [] : ['no runbook applies: each says below why'];
  return { title: 'Why it did not act', because: unique([file.standing, ...none]) };
}

function unique(sentences: readonly string[]): readonly string[] {
  return [...new Set(sentences)];
}
