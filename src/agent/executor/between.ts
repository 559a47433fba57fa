import { limits } from '../../lib/limits.ts';
import type { Verification } from '../../domain/remediation.ts';
import { draft } from './drafts.ts';
import { asJson } from './keys.ts';
import { withStep, type Runtime, type Stop } from './runtime.ts';
import { askUntilDue, reasonOf } from './verification.ts';

/**
 * Waits, before a step begins, until what the steps before it had to leave behind has come true: a bad second host is never
 * made of a first that nobody looked at. `undefined`: it has, and it is in the journal. What was seen is kept with the step,
 * so that a process that comes after this one goes on from there.
 */
export async function lookBetween(run: Runtime, id: string, next: number): Promise<Stop | undefined> {
  const { plan } = run.book.get(id);
  for (const [index, step] of plan.steps.slice(0, next).entries()) {
    if (step.between === undefined) continue;
    const known = run.book.get(id).steps[index]?.between;
    const seen = known === undefined || known.status === 'pending' ? await look(run, id, index) : known;
    if (!('status' in seen)) return seen;
    const because = `after ${step.id}: ${reasonOf(seen)}`;
    if (seen.status === 'inconclusive') return { because, unknown: true };
    if (seen.status !== 'passed') return { because };
  }
  return undefined;
}

async function look(run: Runtime, id: string, index: number): Promise<Verification | Stop> {
  const { clock, between } = run.deps;
  let soFar: Verification | undefined;
  for (;;) {
    const record = run.book.get(id);
    const { cancelledBy } = record.journal;
    if (cancelledBy !== undefined) return { because: `cancelled by ${cancelledBy}` };
    const rules = record.plan.steps[index]?.between ?? [];
    const sinceMs = record.steps[index]?.endedAtMs ?? record.updatedAtMs;
    const asOfMs = clock.nowMs();
    const known = soFar;
    soFar = await askUntilDue(rules, sinceMs, asOfMs, known, () => between(record, index, asOfMs, known));
    run.book.assertAlive();
    if (soFar.status !== 'pending') return note(run, id, index, soFar);
    await clock.sleep(limits.betweenPollMs, run.signalOf(id)).catch(() => undefined);
    run.book.assertAlive();
  }
}

async function note(run: Runtime, id: string, index: number, seen: Verification): Promise<Verification> {
  const record = await run.book.change(id, (current) => {
    const atMs = run.deps.clock.nowMs();
    const step = current.steps[index];
    const phase = seen.status === 'passed' ? ({ phase: 'verified' } as const) : {};
    const next = withStep(current, index, { between: seen, ...phase }, atMs);
    const body = { between: true, status: seen.status, rules: seen.rules.map((rule) => rule.status) };
    const told = { ...draft(next, 'verification', atMs, body, { step: step?.stepId ?? '' }), payload: asJson(seen) };
    return { next, drafts: [told] };
  });
  void run.book.emit({ kind: 'step-verified', execution: record });
  return seen;
}
