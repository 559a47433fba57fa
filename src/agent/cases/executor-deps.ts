import { WatchkeeperError } from '../../lib/errors.ts';
import type { Clock } from '../../domain/ports/io.ts';
import type { Execution, Plan, Verification } from '../../domain/remediation.ts';
import { limits } from '../../lib/limits.ts';
import {
  baselines,
  checkConditions,
  ofInstance,
  rememberedBaselines,
  signalSamples,
  verifyStep,
  whyBlocked,
} from '../../runbooks/index.ts';
import { actedAtMs, executionId, type ExecutionRecord, type ExecutorDeps } from '../executor/index.ts';
import type { Watch } from '../watch.ts';
import { decisionDraft } from './drafts.ts';
import { caseFacts, decideNow, decisionInput, freshSignals, runbookFacts, type CaseFacts } from './facts.ts';
import type { Cases } from './types.ts';
import { withSurroundings } from './look.ts';

// What was normal is taken from this long before the trouble.
const baselineMs = 30 * 60_000;

/** Binds policy, conditions and verification to the executor, which knows none of them. Each that fails is a refusal. */
export function executorDeps(
  watch: Watch,
  files: Pick<Cases, 'file'>,
): Pick<ExecutorDeps, 'decideLive' | 'fresh' | 'conditions' | 'verify' | 'between' | 'baseline'> {
  const factsOf = async (plan: Plan): Promise<CaseFacts> => {
    const incident = watch.state().incidents.find((one) => one.id === plan.incidentId);
    const file = await files.file(plan.incidentId);
    const facts = incident && file?.diagnosis ? caseFacts(watch, incident, file.diagnosis) : undefined;
    if (!facts) throw new WatchkeeperError('conflict', 'the incident this plan is for is not known any more');
    return facts;
  };
  return {
    decideLive: async (plan, stepIndex, observed, approvals) => {
      const step = plan.steps[stepIndex];
      if (!step) throw new WatchkeeperError('internal', `the plan has no step ${stepIndex}`);
      const observation = withSurroundings(watch, observed);
      const execution = executionId(plan);
      const record = watch.executor().find(execution) as ExecutionRecord | undefined;
      const facts = await factsOf(plan);
      const input = decisionInput(watch, facts, {
        plan,
        stepId: step.id,
        executionId: execution,
        observations: { [step.id]: observation },
        ...(record ? { expectedState: record.journal.expected } : {}),
        approvals,
        ...(record?.journal.undoing === undefined ? {} : { goingBack: true }),
      });
      const decision = decideNow(watch, input);
      // The executor records the decision with the intent; what it was made on is kept here, for replay (I1).
      await watch.ledger.record({ drafts: [decisionDraft(decision, input)] });
      return decision;
    },
    fresh: (plan, how, signal) => untilFresh(watch, plan, how, signal),
    conditions: async ({ plan, stepIndex, observation, when }) => {
      const step = plan.steps[stepIndex];
      if (!step) return { ok: false, because: `the plan has no step ${stepIndex}` };
      const facts = await factsOf(plan);
      const over = when === 'before' && stepIndex === 0 ? whyOver(facts) : undefined;
      if (over !== undefined) return { ok: false, because: over };
      const asked = when === 'before' ? step : { ...step, require: [] };
      const outcomes = checkConditions(asked, {
        ...runbookFacts(watch, facts),
        observation,
        signals: freshSignals(watch, facts.service),
      });
      const blocked = whyBlocked(outcomes);
      return blocked === undefined ? { ok: true, because: 'all conditions hold' } : { ok: false, because: blocked };
    },
    verify: (execution: Execution, asOfMs) => {
      const startedMs = actedAtMs(execution) ?? asOfMs;
      const { plan } = execution;
      const series = watch.window.read({ fromMs: startedMs, untilMs: asOfMs, services: new Set([plan.service]) });
      return verifyStep(
        plan.verify,
        signalSamples(series, plan.service, startedMs, asOfMs),
        execution.baseline,
        startedMs,
        asOfMs,
        execution.verification,
      );
    },
    between: (...asked) => lookBetween(watch, ...asked),
    baseline: (plan) => normalBefore(watch, plan),
  };
}

// By the signals of what the step was for, where it was one of several.
function lookBetween(
  watch: Watch,
  ...[execution, stepIndex, asOfMs, soFar]: Parameters<ExecutorDeps['between']>
): Verification {
  const step = execution.plan.steps[stepIndex];
  const startedMs = execution.steps[stepIndex]?.endedAtMs ?? asOfMs;
  const { service } = step?.target ?? execution.plan;
  const all = watch.window.read({ fromMs: startedMs, untilMs: asOfMs, services: new Set([service]) });
  const series = step?.each === undefined ? all : ofInstance(all, step.each.item);
  const samples = signalSamples(series, service, startedMs, asOfMs);
  return verifyStep(step?.between ?? [], samples, execution.baseline, startedMs, asOfMs, soFar);
}

// Minutes may pass between the decision and the first step (a busy target is waited for). What has mended itself, or goes
// on as part of another incident, is not acted on; a plan under way is carried to its end.
function whyOver({ incident, alerts }: CaseFacts): string | undefined {
  if (incident.mergedInto !== undefined) return `the incident goes on as part of ${incident.mergedInto}`;
  if (incident.status === 'resolved') return 'the incident is over';
  if (!alerts.some((alert) => alert.status === 'firing')) return 'nothing of the incident fires any more';
  return undefined;
}

// What was usual for the service's signals before the alerts' trouble, or before the change that is held against it. Of what
// the window does not hold (after a restart it begins anew) the alerts remember what their detectors compared with.
function normalBefore(watch: Watch, plan: Plan): Readonly<Record<string, number>> {
  const { alerts, incidents } = watch.state();
  const held = new Set(incidents.find((one) => one.id === plan.incidentId)?.alerts);
  const change = plan.changeId === undefined ? undefined : watch.changes.byId(plan.changeId);
  const own = alerts.filter((alert) => held.has(alert.fingerprint));
  const began = own.map((alert) => alert.finding.sinceMs);
  const untilMs = Math.min(watch.clock.nowMs(), ...began, ...(change ? [change.atMs] : []));
  const series = watch.window.read({ fromMs: untilMs - baselineMs, untilMs, services: new Set([plan.service]) });
  const findings = own.map(({ finding }) => finding).filter(({ service }) => service === plan.service);
  return {
    ...rememberedBaselines(findings, untilMs),
    ...baselines(series, plan.service, untilMs - baselineMs, untilMs),
  };
}

async function untilFresh(watch: Watch, plan: Plan, how: 'act' | 'undo', signal: AbortSignal): Promise<boolean> {
  const whyWait = (): string | undefined => {
    const incident = watch.state().incidents.find((one) => one.id === plan.incidentId);
    return incident && watch.freshness[how === 'act' ? 'whyWait' : 'whyBlind'](incident);
  };
  const untilMs = watch.clock.monotonicMs() + limits.freshFactsWaitMs;
  while (whyWait() !== undefined && watch.clock.monotonicMs() < untilMs)
    if (!(await slept(watch.clock, limits.freshFactsPollMs, signal))) return false;
  return !signal.aborted;
}

async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch {
    return false;
  }
}
