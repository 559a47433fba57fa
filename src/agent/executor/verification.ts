import { canonicalJson } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Execution, Verification, VerifyRule } from '../../domain/remediation.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import { draft } from './drafts.ts';
import { asJson } from './keys.ts';
import { actsWith, end, type Runtime } from './runtime.ts';
import { goBack, kept, mustGoBack } from './undo.ts';
import type { ExecutionRecord } from './types.ts';

/** When the last step was done, epoch milliseconds: verify rules count from here. `undefined` while steps remain. */
export function actedAtMs(execution: Execution): number | undefined {
  const ends = execution.steps.map((step) => step.endedAtMs);
  return ends.some((end) => end === undefined) ? undefined : Math.max(...ends.map((end) => end ?? 0));
}

/** Looks once whether an execution helped, and ends it or goes back when that is settled. */
export async function verifyOnce(run: Runtime, id: string): Promise<void> {
  const record = run.book.get(id);
  if (record.status !== 'verifying') return;
  const asOfMs = run.deps.clock.nowMs();
  const verification = await ask(run, record, asOfMs);
  run.book.assertAlive();
  if (run.book.get(id).status !== 'verifying') return;
  const told = verificationDraft(record, verification, asOfMs);
  if (verification.status === 'pending') return keepWaiting(run, id, verification, told);
  const because = reasonOf(verification);
  if (verification.status === 'passed')
    await end(run, id, { status: 'succeeded', because, verification, drafts: [told] });
  else if (verification.status === 'inconclusive')
    await end(run, id, { status: 'unknown', because, verification, drafts: [told] });
  else await failed(run, id, verification, told, because);
}

async function failed(
  run: Runtime,
  id: string,
  verification: Verification,
  told: LedgerDraft,
  because: string,
): Promise<void> {
  const record = run.book.get(id);
  // A late rule may fail after the target was let go: going back needs it again.
  const other = run.locks.take(id, record.plan);
  if (mustGoBack(record) && other === undefined) await goBack(run, id, because, { verification, drafts: [told] });
  else {
    const held = other === undefined ? '' : `; not undone, since ${other} is now acting there`;
    await end(run, id, { status: 'failed', because: `${because}${held}${kept(record)}`, verification, drafts: [told] });
  }
}

function ask(run: Runtime, record: ExecutionRecord, asOfMs: number): Promise<Verification> {
  const sinceMs = actedAtMs(record) ?? record.updatedAtMs;
  return askUntilDue(record.plan.verify, sinceMs, asOfMs, record.verification, () => run.deps.verify(record, asOfMs));
}

/** Asks whether rules hold that count from `sinceMs`. What cannot be asked is pending, and what is long overdue inconclusive. */
export async function askUntilDue(
  wanted: readonly VerifyRule[],
  sinceMs: number,
  asOfMs: number,
  known: Verification | undefined,
  look: () => Verification | Promise<Verification>,
): Promise<Verification> {
  const dueAtMs = sinceMs + Math.max(0, ...wanted.map((rule) => rule.atMs ?? rule.withinMs ?? rule.forMs ?? 0));
  let verification: Verification;
  try {
    verification = await look();
  } catch (thrown) {
    const because = WatchkeeperError.from(thrown).message;
    verification = {
      status: 'pending',
      dueAtMs: known?.dueAtMs ?? dueAtMs,
      rules: wanted.map((rule) => ({ expect: rule.expect, status: 'pending' as const, because })),
    };
  }
  if (verification.status !== 'pending' || asOfMs <= dueAtMs + limits.verifyOverdueMs) return verification;
  const rules = verification.rules.map((rule) =>
    rule.status === 'pending'
      ? { ...rule, status: 'inconclusive' as const, because: `${rule.because}; overdue` }
      : rule,
  );
  return { ...verification, status: 'inconclusive', rules };
}

// Rules with `at` look again much later. When only they are left, the target is free for others and the act counts as
// a success, until they say otherwise.
async function keepWaiting(run: Runtime, id: string, verification: Verification, told: LedgerDraft): Promise<void> {
  const record = run.book.get(id);
  const prompt = verification.rules.filter((_, index) => record.plan.verify[index]?.atMs === undefined);
  const settledNow =
    record.journal.provisional === undefined &&
    prompt.length < verification.rules.length &&
    prompt.every((rule) => rule.status === 'passed');
  const before = record.verification === undefined ? '' : canonicalJson(asJson(record.verification));
  if (!settledNow && before === canonicalJson(asJson(verification))) return;
  await run.book.change(id, (current) => {
    if (current.status !== 'verifying') return undefined;
    const journal = settledNow ? { ...current.journal, provisional: true as const } : current.journal;
    return {
      next: { ...current, verification, journal, updatedAtMs: run.deps.clock.nowMs() },
      drafts: settledNow ? [told] : [],
      ...(settledNow ? { acts: actsWith(run, id, 'succeeded') } : {}),
    };
  });
  if (settledNow) run.locks.release(id);
}

function verificationDraft(record: ExecutionRecord, verification: Verification, atMs: number): LedgerDraft {
  const body = { status: verification.status, rules: verification.rules.map((rule) => rule.status) };
  return { ...draft(record, 'verification', atMs, body), payload: asJson(verification) };
}

/** The rules that decided, each with why. */
export function reasonOf(verification: Verification): string {
  const telling = verification.rules.filter((rule) => rule.status === verification.status);
  return telling.map((rule) => `${rule.expect}: ${rule.because}`).join('; ') || `verification ${verification.status}`;
}
