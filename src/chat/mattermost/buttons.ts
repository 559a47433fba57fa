import { createHmac, timingSafeEqual } from 'node:crypto';

import type { JsonObject } from '../../lib/json.ts';
import type { Notice } from '../../domain/ports/channel.ts';

/** What a button is for. `subject` is the plan's id, or the incident's. */
export interface Press {
  readonly what: 'approve' | 'deny' | 'explain' | 'snooze' | 'hand-over' | 'pause';
  readonly subject: string;
  readonly incident: string;
  /** The conversation it was shown in. */
  readonly conversation: string;
}

/**
 * The buttons of a notice. Mattermost keeps a button's context to itself and sends it back with the press: what stands in it is
 * signed, so that a request made up by anybody else, or moved to another plan or conversation, does not count.
 */
export function actionsOf(
  { kind, plan, incident }: Notice,
  callback: string,
  conversation: string,
  secret: string,
): readonly JsonObject[] {
  if (incident === undefined || incident.status === 'resolved') return [];
  const of = (what: Press['what'], subject: string): Press => ({ what, subject, incident: incident.id, conversation });
  const asked =
    kind === 'approval-needed' && plan !== undefined
      ? [action('Approve', of('approve', plan.id), 'good'), action('Deny', of('deny', plan.id), 'danger')]
      : [];
  const rest = [
    action('Snooze 1h', of('snooze', incident.id), 'default'),
    action('Hand over', of('hand-over', incident.id), 'default'),
    action('Explain', of('explain', incident.id), 'default'),
    action('Pause all', of('pause', incident.id), 'warning'),
  ];
  return kind === 'acted' || kind === 'approval-void' ? [] : [...asked, ...rest];

  function action(name: string, press: Press, style: string): JsonObject {
    const context = { ...press, mac: macOf(secret, press) };
    // Mattermost takes letters and digits only.
    return { id: press.what.replace('-', ''), name, type: 'button', style, integration: { url: callback, context } };
  }
}

/** The press that a context stands for; `undefined` when it was not signed by us. An empty secret signs nothing. */
export function pressOf(context: JsonObject, secret: string): Press | undefined {
  const { what, subject, incident, conversation, mac } = context;
  if (secret === '' || typeof mac !== 'string' || !/^[0-9a-f]{64}$/.test(mac)) return undefined;
  if (![what, subject, incident, conversation].every((one) => typeof one === 'string')) return undefined;
  const press = { what, subject, incident, conversation } as Press;
  return timingSafeEqual(Buffer.from(mac, 'hex'), Buffer.from(macOf(secret, press), 'hex')) ? press : undefined;
}

// Lengths first, so that no part can pass for the beginning of the next.
function macOf(secret: string, { what, subject, incident, conversation }: Press): string {
  const mac = createHmac('sha256', secret);
  for (const part of [what, subject, incident, conversation]) mac.update(`${part.length}:${part}`);
  return mac.digest('hex');
}
