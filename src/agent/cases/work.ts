import type { Incident } from '../../domain/alert.ts';
import type { Approval, DenyCode } from '../../domain/authority.ts';
import type { Diagnosis } from '../../domain/diagnosis.ts';
import { diagnose } from '../../diagnosis/index.ts';
import { limits } from '../../lib/limits.ts';
import { suggestSteps } from '../../runbooks/index.ts';
import type { CaseFile, MatchView } from '../views.ts';
import { decisionDraft, diagnosisDraft, planDraft } from './drafts.ts';
import { gatherEvidence } from './evidence.ts';
import { caseFacts, type CaseFacts } from './facts.ts';
import type { CaseFiles } from './file-store.ts';
import { propose, type Proposal, type Proposals } from './propose.ts';
import { tell } from './telling.ts';
import type { CaseDeps } from './types.ts';

/** What a case is worked on with. */
export interface CaseWork extends CaseDeps {
  readonly files: CaseFiles;
  /** Starts a plan that was allowed; returns at once. */
  readonly begin: (allowed: Pick<Proposal, 'plan' | 'decision'>, approvals?: readonly Approval[]) => void;
}

// Denials that time or people elsewhere may lift: the case is looked at again.
const passing: ReadonlySet<DenyCode> = new Set([
  'freeze',
  'storm',
  'bounds',
  'rate-budget',
  'paused',
  'unwell',
  'busy',
  'stale-plan',
  'condition',
  'require',
]);
/** Whether a denial may pass by itself. */
export function isPassing(code: DenyCode): boolean {
  return passing.has(code);
}

/** Begins the standing of a case that people have and the machine leaves alone. */
export const handedOver = 'with people';

const firstRetryMs = 5_000;
const longestRetryMs = 120_000;
// What has not passed in hours is still looked at, seldom.
const manyTries = 200;
const seldomMs = 30 * 60_000;

/** Works on one case once: diagnose, match, plan, decide, and hand on to the executor, to people, or to later. */
export async function workOn(work: CaseWork, incident: Incident): Promise<void> {
  const { watch, files } = work;
  const startedMs = watch.clock.monotonicMs();
  const diagnosis = diagnose({
    incident,
    alerts: watch.state().alerts,
    snapshot: await gatherEvidence(watch, work, incident),
    catalog: watch.catalog(),
    past: await unexplained(work, incident),
  });
  watch.metrics.diagnosisSeconds.observe((watch.clock.monotonicMs() - startedMs) / 1_000);
  const facts = caseFacts(watch, incident, diagnosis);
  const before = files.get(incident.id);
  const told = changed(before.diagnosis, diagnosis)
    ? { drafts: [diagnosisDraft(diagnosis)], lines: [diagnosis.summary] }
    : { drafts: [], lines: [] };
  const proposals = await propose(watch, facts);
  const suggestions = suggestSteps({ ...facts, asOfMs: diagnosis.asOfMs, services: watch.catalog().services });
  await files.write(
    incident.id,
    { diagnosis, matches: proposals.matches, suggestions, tries: before.tries + 1 },
    told.drafts,
    [...told.lines, ...newlyPlanless(before.matches, proposals.matches)],
  );
  await settle(work, facts, proposals);
}

// A runbook that would be for it and cannot be carried out is what people ask about first; once is enough.
function newlyPlanless(before: readonly MatchView[], now: readonly MatchView[]): readonly string[] {
  const known = new Set(before.filter(({ noPlan }) => noPlan !== undefined).map(({ runbook }) => runbook));
  return planless(now.filter(({ runbook }) => !known.has(runbook)));
}

function planless(matches: readonly MatchView[]): readonly string[] {
  return matches.flatMap(({ runbook, noPlan }) =>
    noPlan === undefined ? [] : [`${runbook} is for this, but no plan can be made: ${noPlan}`],
  );
}

const mostPast = 20;

// Trouble that a change of its own explained does not make a service one that fails anyway.
async function unexplained({ watch, files }: CaseWork, incident: Incident): Promise<readonly Incident[]> {
  const sinceMs = watch.clock.nowMs() - limits.lookBackMs;
  const past = watch
    .state()
    .incidents.filter(
      (one) =>
        one.status === 'resolved' &&
        one.openedAtMs > sinceMs &&
        one.services.some((name) => incident.services.includes(name)),
    )
    .slice(-mostPast);
  const causes = await Promise.all(past.map(async ({ id }) => (await files.read(id))?.diagnosis?.cause));
  return past.filter((_, index) => causes[index] !== 'change');
}

async function settle(work: CaseWork, facts: CaseFacts, proposals: Proposals): Promise<void> {
  const { files } = work;
  const { incident } = facts;
  const { chosen } = proposals;
  if (!chosen) return nobodyMatches(work, facts);
  const file = files.get(incident.id);
  if (incident.mode === 'shadow') {
    await files.write(
      incident.id,
      { standing: `shadow: it would be "${chosen.decision.outcome}" for ${chosen.plan.runbook.name}` },
      [],
    );
    return;
  }
  // The same denial again is no news: it is neither recorded nor told twice.
  const last = file.decisions.at(-1);
  const again =
    chosen.decision.outcome === 'deny' &&
    last?.outcome === 'deny' &&
    last.code === chosen.decision.code &&
    last.decidedBy === chosen.decision.decidedBy;
  if (again && chosen.decision.approval === undefined) {
    await files.write(incident.id, { ...retryFor(work, file, chosen), standing: standingOf(chosen) }, []);
    return;
  }
  const record = { plans: [...file.plans, chosen.plan], decisions: [...file.decisions, chosen.decision] };
  const drafts = [planDraft(chosen.plan), decisionDraft(chosen.decision, chosen.input)];
  await files.write(incident.id, { ...record, ...retryFor(work, file, chosen), standing: standingOf(chosen) }, drafts, [
    lineOf(chosen),
  ]);
  if (chosen.decision.outcome === 'allow') work.begin(chosen);
  else await askPeople(work, facts, chosen);
}

async function nobodyMatches(work: CaseWork, facts: CaseFacts): Promise<void> {
  const { watch, files } = work;
  const { incident, diagnosis } = facts;
  const file = files.get(incident.id);
  const blocked = planless(file.matches);
  const why =
    blocked[0] ?? (diagnosis.verdict === 'inconclusive' ? 'the cause is not clear' : 'no runbook is for this');
  const retryAtMs = watch.clock.nowMs() + retryAfterMs(file.tries);
  await files.write(incident.id, { standing: `${why}; people are called`, retryAtMs }, []);
  if (incident.mode === 'shadow' || incident.severity === 'info') return;
  const patienceMs = incident.severity === 'critical' ? watch.settings.patienceMs / 2 : watch.settings.patienceMs;
  if (watch.clock.nowMs() - incident.openedAtMs < patienceMs) {
    await files.write(
      incident.id,
      {
        standing: `${why} yet; it is looked at again`,
        retryAtMs: watch.clock.nowMs() + Math.min(patienceMs, firstRetryMs),
      },
      [],
    );
    return;
  }
  await tell(work, facts, 'nothing-matched', true, { suggestions: file.suggestions, blocked });
}

/** Asks whoever policy names, or offers the plan where nobody may consent. */
export async function askPeople(work: CaseWork, facts: CaseFacts, chosen: Proposal): Promise<void> {
  const { plan, decision } = chosen;
  const suggestions = work.files.get(facts.incident.id).suggestions;
  const requirement = decision.approval;
  if (requirement === undefined) {
    await tell(work, facts, 'suggestion', true, {
      plan,
      decision,
      suggestions,
      about: `${plan.runbook.name} ${decision.code ?? ''}`,
    });
    return;
  }
  const approvals = work.watch.approvals();
  await approvals.withdraw(facts.incident.id, 'a newer plan took its place');
  const asked = approvals
    .all()
    .findLast((one) => one.incidentId === facts.incident.id && one.runbook === plan.runbook.name);
  const lost = asked?.status === 'granted' && asked.epoch !== work.watch.epoch;
  const askedBefore = lost ? { ...asked, because: 'the daemon restarted before it was done' } : asked;
  const pending = await approvals.request(plan, requirement);
  await tell(work, facts, 'approval-needed', true, {
    ...{ plan, decision, pending, about: plan.id },
    ...(askedBefore && (lost || askedBefore.status === 'void') ? { askedBefore } : {}),
  });
}

function changed(before: Diagnosis | undefined, after: Diagnosis): boolean {
  return (
    before?.verdict !== after.verdict ||
    before.cause !== after.cause ||
    before.service !== after.service ||
    before.changeId !== after.changeId ||
    Math.abs(before.confidence - after.confidence) >= 0.15
  );
}

function retryFor(
  work: CaseWork,
  file: CaseFile,
  { decision }: Proposal,
): Pick<CaseFile, 'retryAtMs'> | Record<string, never> {
  if (decision.outcome !== 'deny' || decision.code === undefined || !passing.has(decision.code)) return {};
  return { retryAtMs: work.watch.clock.nowMs() + retryAfterMs(file.tries) };
}

/** How long a case is left alone before it is looked at again, without news. */
export function retryAfterMs(tries: number): number {
  if (tries > manyTries) return seldomMs;
  return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(tries, 6));
}

/** Where a case stands with its newest plan. */
export function standingOf({ plan, decision }: Proposal): string {
  const reason = decision.reasons[0] ?? decision.decidedBy;
  if (decision.outcome === 'allow') return `carrying out ${plan.runbook.name}`;
  if (decision.outcome === 'require-approval') return `waiting for consent to ${plan.runbook.name}: ${reason}`;
  return `${plan.runbook.name} is denied: ${reason}`;
}

/** The line of the timeline that says what was decided about a plan. */
export function lineOf({ plan, decision }: Proposal): string {
  const what = plan.steps.map((step) => step.describe).join('; then ');
  // The first reason begins with the verdict and who gave it.
  return `${plan.runbook.name} (${what}): ${decision.reasons[0] ?? decision.decidedBy}`;
}
