import type { Incident, Severity } from '../../domain/alert.ts';
import type { Principal } from '../../domain/authority.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import { formatDuration } from '../../lib/duration.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { RequestResult, Snooze } from '../views.ts';
import type { CaseWork } from './work.ts';

const gravest: readonly Severity[] = ['info', 'warning', 'critical'];

/** Puts off calling people about an incident. The watch and its hand go on; nobody is called further until then. */
export async function snooze(
  { watch, files }: CaseWork,
  incident: Incident,
  who: Principal,
  forMs: number,
  reason?: string,
): Promise<RequestResult> {
  if (!(forMs >= limits.snoozeLeastMs && forMs <= limits.snoozeMostMs)) {
    const bounds = `between ${formatDuration(limits.snoozeLeastMs)} and ${formatDuration(limits.snoozeMostMs)}`;
    return { is: 'refused', message: `an incident is put off for ${bounds}` };
  }
  const atMs = watch.clock.nowMs();
  const untilMs = atMs + forMs;
  const said = reason === undefined ? {} : { reason: oneLine(reason, limits.requestReasonChars) };
  await files.write(
    incident.id,
    { snooze: { by: who.id, atMs, untilMs, severity: incident.severity, ...said } },
    [{ ...draftOf('snoozed', incident, who.id, atMs), body: { untilMs, severity: incident.severity }, payload: said }],
    [`${who.id} put it off for ${formatDuration(forMs)}${said.reason === undefined ? '' : `: ${said.reason}`}`],
  );
  const message = `Put off until ${new Date(untilMs).toISOString().slice(0, 16).replace('T', ' ')} UTC. It ends earlier if it gets worse or an act for it fails.`;
  return { is: 'done', message };
}

/** Ends a snooze before its time, and calls people as if it had never been. */
export async function endSnooze(
  { watch, files }: CaseWork,
  incident: Pick<Incident, 'id' | 'service'>,
  because: string,
  by = 'watchkeeper',
): Promise<void> {
  const atMs = watch.clock.nowMs();
  const put = files.get(incident.id).snooze;
  if (put === undefined || put.untilMs <= atMs) return;
  const entry = { ...draftOf('snooze-ended', incident, by, atMs), payload: { because } };
  await files.write(
    incident.id,
    { snooze: { ...put, untilMs: atMs } },
    [entry],
    [`It is put off no longer: ${because}`],
  );
  await watch.ladder.wake(incident.id);
}

/** Ends what has become worse than it was when somebody put it off. */
export async function wakeWhereWorse(work: CaseWork): Promise<void> {
  for (const incident of work.watch.state().incidents) {
    const put = snoozeOf(work, incident.id);
    if (put !== undefined && gravest.indexOf(incident.severity) > gravest.indexOf(put.severity))
      await endSnooze(work, incident, `it became ${incident.severity}`);
  }
}

/** The snooze of an incident that is not over yet. */
export function snoozeOf({ watch, files }: CaseWork, incidentId: string): Snooze | undefined {
  const { snooze: put } = files.get(incidentId);
  return put !== undefined && put.untilMs > watch.clock.nowMs() ? put : undefined;
}

function draftOf(
  type: 'snoozed' | 'snooze-ended',
  incident: Pick<Incident, 'id' | 'service'>,
  actor: string,
  atMs: number,
): LedgerDraft {
  return { type, actor, atMs, subject: { incident: incident.id, service: incident.service }, body: {} };
}
