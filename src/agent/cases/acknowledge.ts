import type { Incident } from '../../domain/alert.ts';
import type { Principal } from '../../domain/authority.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { RequestResult } from '../views.ts';
import type { CaseWork } from './work.ts';

/**
 * Somebody has it: nobody further is called about what is asked or told now. News of the incident calls people again, and
 * what waits for consent goes on waiting.
 */
export async function acknowledge(
  { watch, files }: CaseWork,
  incident: Incident,
  who: Principal,
  reason?: string,
): Promise<RequestResult> {
  const said = reason === undefined ? {} : { reason: oneLine(reason, limits.requestReasonChars) };
  const subject = { incident: incident.id, service: incident.service };
  await files.write(
    incident.id,
    {},
    [{ type: 'acknowledged', actor: who.id, atMs: watch.clock.nowMs(), subject, body: {}, payload: said }],
    [`${who.id} has it${said.reason === undefined ? '' : `: ${said.reason}`}`],
  );
  await watch.ladder.answered(incident.id, `${who.id} has it`);
  return { is: 'done', message: 'Nobody further is called about it now.' };
}
