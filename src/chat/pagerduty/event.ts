import type { JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Notice, NoticeKind } from '../../domain/ports/channel.ts';
import { renderNotice, renderTitle } from '../render.ts';

/** Which of PagerDuty's two inboxes a notice goes to. */
export type PagerDutyInbox = 'enqueue' | 'change/enqueue';

/** One event, less the routing key. */
export interface PagerDutyEvent {
  readonly inbox: PagerDutyInbox;
  readonly body: JsonObject;
}

// PagerDuty's limits: 1,024 characters a summary, 255 a dedup_key, 512 KB an event.
const summaryChars = 1_024;
const keyChars = 255;
const detailChars = 20_000;

// What wakes nobody: our own acts are changes, and a question that is void needs no answer.
const quiet: ReadonlySet<NoticeKind> = new Set(['acted', 'approval-void', 'digest']);

/**
 * A notice as PagerDuty takes it (Events API v2): the incident's id is the dedup_key, so that all of it is one incident there
 * and is resolved with ours; our own acts are change events, which PagerDuty shows beside the incident and pages nobody for.
 */
export function pagerDutyEvent(notice: Notice, origin: string): PagerDutyEvent {
  const summary = oneLine(renderTitle(notice), summaryChars);
  const timestamp = new Date(notice.atMs).toISOString();
  const details = { notice: notice.id, text: renderNotice(notice).slice(0, detailChars) };
  if (quiet.has(notice.kind)) {
    const payload = { summary, timestamp, source: origin, custom_details: details };
    return { inbox: 'change/enqueue', body: { payload } };
  }
  const key = (notice.incident?.id ?? notice.id).slice(0, keyChars);
  if (notice.kind === 'resolved') return { inbox: 'enqueue', body: { event_action: 'resolve', dedup_key: key } };
  const payload = {
    summary,
    timestamp,
    source: oneLine(notice.incident?.service ?? origin, keyChars),
    severity: notice.incident?.severity ?? 'error',
    component: oneLine(notice.incident?.service ?? 'watchkeeper', keyChars),
    class: notice.kind,
    custom_details: details,
  };
  const link =
    notice.page === undefined ? {} : { client_url: notice.page, links: [{ href: notice.page, text: 'The page' }] };
  return {
    inbox: 'enqueue',
    body: { event_action: 'trigger', dedup_key: key, client: 'Watchkeeper', ...link, payload },
  };
}
