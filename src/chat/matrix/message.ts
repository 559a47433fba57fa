import type { JsonObject } from '../../lib/json.ts';
import type { Notice, NoticeKind } from '../../domain/ports/channel.ts';
import { renderNotice } from '../render.ts';

// A homeserver takes 65,536 bytes an event; a text of this many characters stays below in any script.
const mostChars = 14_000;
const broadcast: ReadonlySet<NoticeKind> = new Set(['approval-needed', 'act-failed', 'nothing-matched', 'resolved']);

/** The reactions that count as answers. */
export const votes: Readonly<Record<string, 'approve' | 'deny'>> = {
  '✅': 'approve',
  '👍': 'approve',
  '❌': 'deny',
  '👎': 'deny',
};

/** A notice as text, with how to answer it here. */
export function noticeText(notice: Notice): string {
  const asked = notice.kind === 'approval-needed' && notice.plan !== undefined;
  const text = renderNotice(notice).slice(0, mostChars);
  return asked ? `${text}\nHere: react with ✅ to approve this plan, with ❌ to deny it.` : text;
}

/**
 * Plain text as an event: without HTML nothing in it is markup, and with empty `m.mentions` nothing in it calls anybody,
 * whatever it says (`@room`).
 */
export function textEvent(text: string, relation?: JsonObject): JsonObject {
  return {
    msgtype: 'm.text',
    body: text,
    'm.mentions': {},
    ...(relation === undefined ? {} : { 'm.relates_to': relation }),
  };
}

/** Takes the place of an earlier event. */
export function editEvent(text: string, eventId: string): JsonObject {
  return {
    ...textEvent(`* ${text}`, { rel_type: 'm.replace', event_id: eventId }),
    'm.new_content': textEvent(text),
  };
}

/** Where a later notice stands: into the room where somebody is needed, else into the thread of the first. */
export function relationOf(kind: NoticeKind, root: string): JsonObject {
  return broadcast.has(kind)
    ? { 'm.in_reply_to': { event_id: root } }
    : { rel_type: 'm.thread', event_id: root, is_falling_back: true, 'm.in_reply_to': { event_id: root } };
}
