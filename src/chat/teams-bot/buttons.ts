import type { Json, JsonObject } from '../../lib/json.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import { objectAt, textAt } from './activity.ts';

/** What a button says when it is pressed. */
export interface Press {
  readonly verdict: 'approve' | 'deny';
  readonly plan: string;
  /** The incident on whose card it stood. */
  readonly incident: string;
}

const verb = 'watchkeeper.answer';

/** Approve and Deny while an answer is awaited; clients that know no Action.Execute send the same as a message. */
export function buttonsOf({ kind, plan, incident }: Notice): readonly JsonObject[] {
  if (kind !== 'approval-needed' || plan === undefined || incident === undefined) return [];
  const button = (title: string, verdict: Press['verdict'], style: string): JsonObject => {
    const data = { watchkeeper: { verdict, plan: plan.id, incident: incident.id } };
    return {
      type: 'Action.Execute',
      title,
      verb,
      style,
      data,
      fallback: { type: 'Action.Submit', title, style, data },
    };
  };
  return [button('Approve', 'approve', 'positive'), button('Deny', 'deny', 'destructive')];
}

/** The press in what a client sent back, which may have changed it: the agent checks plan and incident against each other. */
export function pressOf(data: Json | undefined): Press | undefined {
  const said = objectAt(objectAt(data)['watchkeeper']);
  const [verdict, plan, incident] = [textAt(said, 'verdict'), textAt(said, 'plan'), textAt(said, 'incident')];
  if (verdict !== 'approve' && verdict !== 'deny') return undefined;
  const fits = [plan, incident].every((text) => text !== '' && text.length <= 200);
  return fits ? { verdict, plan, incident } : undefined;
}
