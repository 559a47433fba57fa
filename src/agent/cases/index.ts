import { WatchkeeperError } from '../../lib/errors.ts';
import type { Incident } from '../../domain/alert.ts';
import type { Approval } from '../../domain/authority.ts';
import type { Watch } from '../watch.ts';
import type { ExecutionEvent } from '../executor/index.ts';
import { incidentDraft } from '../records.ts';
import { serviceOf } from './facts.ts';
import { createCaseFiles, type CaseFiles } from './file-store.ts';
import type { Proposal } from './propose.ts';
import { noticeTitle } from './notices.ts';
import { createTurns, type Turns } from './turns.ts';
import type { CaseDeps, Cases } from './types.ts';
import { onExecution } from './after.ts';
import { onLapsed, onWithdrawn, proceed, reconsider } from './consent.ts';
import { createErrands, requested } from './requests.ts';
import { snoozeOf, wakeWhereWorse } from './snooze.ts';
import { renewedNotice, tell } from './telling.ts';
import { handedOver, workOn, type CaseWork } from './work.ts';

export { noticeOf } from './notices.ts';
export { proposeOne } from './propose.ts';
export { executorDeps } from './executor-deps.ts';
export type { CaseRequest, Cases } from './types.ts';

// Cases worked on at the same time; more wait their turn, gravest first.
const atOnce = 4;
const restartAfterMs = 15_000;

/** Makes the deciding half. Nothing is decided before `restore`. */
export function createCases(deps: CaseDeps): Cases {
  const { watch } = deps;
  const files = createCaseFiles(deps);
  const incidentOf = (id: string) => watch.state().incidents.find((incident) => incident.id === id);
  const work: CaseWork = { ...deps, files, begin: (proposal, approvals) => begin(work, proposal, approvals) };
  const over = new Map<string, Incident>();
  const putOff = new Set<string>();
  const errands = createErrands();
  const turns = createTurns(atOnce, async (incidentId) => {
    putOff.delete(incidentId);
    // Its own news is looked at in the next turn, when what was asked for has its effect.
    if (await errands.run(incidentId)) {
      putOff.add(incidentId);
      return;
    }
    const ended = over.get(incidentId);
    if (ended) {
      over.delete(incidentId);
      await onResolved(work, ended).catch((thrown: unknown) => logFault(watch, incidentId, thrown));
      return;
    }
    const incident = incidentOf(incidentId);
    if (
      !incident ||
      incident.status === 'resolved' ||
      incident.mergedInto !== undefined ||
      isClearing(work, incident) ||
      isTakenCareOf(work, incident)
    )
      return;
    try {
      const wait = watch.freshness.whyWait(incident);
      if (wait !== undefined) {
        putOff.add(incidentId);
        await waitFor(work, incident, wait);
        return;
      }
      await workOn(work, incident);
    } catch (thrown) {
      await onFault(work, incident, WatchkeeperError.from(thrown)).catch((again: unknown) =>
        logFault(watch, incidentId, again),
      );
    }
  });

  return {
    poke: (incidentId) => turns.add(incidentId),
    resolved: (incident) => {
      over.set(incident.id, incident);
      turns.add(incident.id);
    },
    tick: () => tick(work, turns, putOff),
    proceed: (plan, approvals) => proceed(work, plan, approvals),
    reconsider: (plan) => reconsider(work, plan),
    lapsed: (pending, because, code) => onLapsed(work, pending, because, code),
    withdrawn: (pending, because) => onWithdrawn(work, pending, because),
    executionEvent: (event: ExecutionEvent) => onExecution(work, event, (id) => turns.add(id)),
    file: (incidentId) => files.read(incidentId),
    plan: (planId) => files.plan(planId),
    asked: (incident, request) => {
      const answer = errands.add(incident.id, () => requested(work, incidentOf(incident.id) ?? incident, request));
      turns.add(incident.id);
      return answer;
    },
    putOffUntil: (incidentId) => snoozeOf(work, incidentId)?.untilMs,
    renewed: (notice) => renewedNotice(work, notice),
    restore: async (incidents) => {
      for (const incident of incidents) if (incident.status !== 'resolved') await files.load(incident.id);
    },
    idle: () => turns.idle(),
  };
}

// Takes up what was put off, what its time has come for, and what became worse than it was when somebody put it off.
function tick(work: CaseWork, turns: Turns, putOff: ReadonlySet<string>): void {
  const { watch, files } = work;
  const nowMs = watch.clock.nowMs();
  for (const id of putOff) turns.add(id);
  void wakeWhereWorse(work).catch((thrown: unknown) => logFault(watch, '', thrown));
  const open = new Set<string>();
  for (const incident of watch.state().incidents) {
    if (incident.status === 'resolved') continue;
    open.add(incident.id);
    const { retryAtMs } = files.get(incident.id);
    if (retryAtMs !== undefined && retryAtMs <= nowMs) turns.add(incident.id);
  }
  files.forgetIdle((id) => open.has(id) || turns.has(id));
}

// Starting takes as long as the steps do; nobody waits for it here, the executor tells what became of it.
function begin(
  { watch, files }: CaseWork,
  { plan, decision }: Pick<Proposal, 'plan' | 'decision'>,
  approvals: readonly Approval[] = [],
): void {
  const state = watch.state();
  const held = new Set(state.incidents.find((incident) => incident.id === plan.incidentId)?.alerts);
  const firedMs = Math.max(
    ...state.alerts.filter((alert) => held.has(alert.fingerprint)).map((alert) => alert.firingAtMs ?? -Infinity),
  );
  if (Number.isFinite(firedMs))
    watch.metrics.sampleToAction.observe(Math.max(0, watch.clock.nowMs() - firedMs) / 1_000);
  watch
    .executor()
    .start(plan, decision, approvals)
    .catch(async (thrown: unknown) => {
      const error = WatchkeeperError.from(thrown);
      watch.log.error('a plan could not be started', { plan: plan.id, error });
      // It is decided anew: a plan that was allowed and never begun must not leave its case waiting for it.
      const retryAtMs = watch.clock.nowMs() + restartAfterMs;
      await files.write(plan.incidentId, { standing: `it could not be started: ${error.message}`, retryAtMs }, []);
    })
    .catch((thrown: unknown) => logFault(watch, plan.incidentId, thrown));
}

// What the last process saw is no ground to decide on; the reason is kept where `explain` and the ledger show it.
async function waitFor({ watch, files }: CaseWork, incident: Incident, because: string): Promise<void> {
  const standing = `waits for facts of its own: ${because}`;
  if (files.get(incident.id).standing === standing) return;
  const text = `Not decided on yet: it was known before the restart, and ${because}`;
  await files.write(
    incident.id,
    { standing },
    [incidentDraft(incident, 'incident-updated', [text], watch.clock.nowMs())],
    [text],
  );
}

// Nothing of it fires any more and only the grace is waited for: there is nothing to act on, and nobody to wake.
function isClearing(work: CaseWork, incident: Incident): boolean {
  const held = new Set(incident.alerts);
  return !work.watch.state().alerts.some((alert) => held.has(alert.fingerprint) && alert.status === 'firing');
}

// While an act is under way or people have been asked, making another plan would only confuse them.
function isTakenCareOf(work: CaseWork, incident: Incident): boolean {
  const acting = work.watch
    .executor()
    .active()
    .some(({ plan }) => goesOnAs(work.watch, plan.incidentId) === incident.id);
  const asked = work.watch
    .approvals()
    .waiting()
    .some((pending) => pending.incidentId === incident.id);
  return acting || asked || work.files.get(incident.id).standing.startsWith(handedOver);
}

// An act of an incident that was merged away belongs to the one that goes on in its place.
function goesOnAs(watch: Watch, incidentId: string): string {
  let id = incidentId;
  const { incidents } = watch.state();
  for (let hops = 0; hops < incidents.length; hops++) {
    const into = incidents.find((one) => one.id === id)?.mergedInto;
    if (into === undefined) return id;
    id = into;
  }
  return id;
}

async function onResolved(work: CaseWork, incident: Incident): Promise<void> {
  const { watch, files } = work;
  const { mergedInto } = incident;
  const because = mergedInto === undefined ? 'the incident was resolved' : `it goes on as part of ${mergedInto}`;
  await watch.approvals().withdraw(incident.id, because);
  await watch.ladder.answered(incident.id, because);
  if (mergedInto !== undefined) {
    await files.write(incident.id, { standing: because }, []);
    files.forget(incident.id);
    return;
  }
  const file = files.get(incident.id);
  const told = file.noticed.length > 0;
  await files.write(incident.id, { standing: 'resolved' }, []);
  if (told && file.diagnosis) {
    await tell(
      work,
      { incident, alerts: [], diagnosis: file.diagnosis, service: serviceOf(watch, incident) },
      'resolved',
      false,
      {},
    );
  }
  files.forget(incident.id);
}

function logFault(watch: Watch, incident: string, thrown: unknown): void {
  watch.log.error('a case could not be worked on', { incident, error: WatchkeeperError.from(thrown) });
}

async function onFault(work: CaseWork, incident: Incident, error: WatchkeeperError): Promise<void> {
  const { watch, files } = work;
  watch.log.error('a case could not be worked on', { incident: incident.id, error });
  if (error.code === 'store-failed' || error.code === 'fenced' || error.code === 'aborted') return;
  const file = files.get(incident.id);
  await files.write(
    incident.id,
    {
      standing: `it could not be worked on: ${error.message}`,
      tries: file.tries + 1,
      retryAtMs: watch.clock.nowMs() + 15_000,
    },
    [],
  );
  // Never silent (I14): a fault of ours is no reason for people not to hear of the trouble.
  if (incident.mode === 'active') {
    const { escalate } = serviceOf(watch, incident).owner;
    await watch.ladder.call(
      {
        id: `${incident.id}/nothing-matched/fault`,
        kind: 'nothing-matched',
        atMs: watch.clock.nowMs(),
        title: noticeTitle(`Please look: ${incident.title}`),
        lines: [`The watch could not work on it: ${error.message}`],
        incident,
      },
      escalate,
      true,
    );
  }
}

export type { CaseFiles };
