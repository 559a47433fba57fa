import type { JsonObject } from '../../lib/json.ts';
import type { Notice, NoticeKind } from '../../domain/ports/channel.ts';

/** What the buttons are called in what Slack sends back. */
export const actionIds = {
  approve: 'watchkeeper.approve',
  deny: 'watchkeeper.deny',
  runbook: 'watchkeeper.runbook',
  snooze: 'watchkeeper.snooze',
  handOver: 'watchkeeper.hand-over',
  explain: 'watchkeeper.explain',
  pause: 'watchkeeper.pause',
} as const;

/** For how long Snooze puts an incident off. */
const snoozes = ['30m', '1h', '4h', '12h'] as const;

// Kinds of notice after which there is still something for people to do.
const open: ReadonlySet<NoticeKind> = new Set([
  'opened',
  'approval-needed',
  'suggestion',
  'nothing-matched',
  'act-failed',
]);

/** The block of an incident is named after it: a button knows on whose card it stands. */
export function blockOf(incidentId: string): string {
  return `incident:${incidentId}`.slice(0, 255);
}

/** The incident on whose card a button stands. */
export function incidentOf(blockId: string): string | undefined {
  return blockId.startsWith('incident:') ? blockId.slice('incident:'.length) : undefined;
}

/**
 * What can be done about an incident. The value of Approve and Deny is the plan's id: what is approved is what was shown, for
 * any change makes another id.
 */
export function buttons({ kind, plan, incident }: Notice): readonly JsonObject[] {
  if (incident === undefined || !open.has(kind) || incident.status === 'resolved') return [];
  const answers =
    kind === 'approval-needed' && plan !== undefined
      ? [button(actionIds.approve, 'Approve', plan.id, 'primary'), button(actionIds.deny, 'Deny', plan.id, 'danger')]
      : [];
  const elements = [
    ...answers,
    button(actionIds.runbook, 'Other runbook', incident.id),
    snoozeMenu(incident.id),
    { ...button(actionIds.handOver, 'Hand over', incident.id), confirm: confirm(handOver) },
    button(actionIds.explain, 'Explain', incident.id),
    { ...button(actionIds.pause, 'Pause all', incident.id), confirm: confirm(pauseAll) },
  ];
  return [{ type: 'actions', block_id: blockOf(incident.id), elements }];
}

function snoozeMenu(incidentId: string): JsonObject {
  return {
    type: 'static_select',
    action_id: actionIds.snooze,
    placeholder: text('Snooze'),
    options: snoozes.map((value) => ({ text: text(`Snooze ${value}`), value: `${incidentId} ${value}`.slice(0, 150) })),
  };
}

interface Question {
  readonly title: string;
  readonly said: string;
  readonly yes: string;
}

const pauseAll: Question = {
  title: 'Pause all acting?',
  said: 'Watchkeeper goes on watching and calling people, and acts on nothing until somebody resumes it.',
  yes: 'Pause',
};
const handOver: Question = {
  title: 'Hand it over?',
  said: 'Whoever comes next on the ladder is called now.',
  yes: 'Hand over',
};

function confirm({ title, said, yes }: Question): JsonObject {
  return { title: text(title), text: text(said), confirm: text(yes), deny: text('Cancel') };
}

function button(actionId: string, label: string, value: string, style?: string): JsonObject {
  return {
    type: 'button',
    action_id: actionId,
    text: text(label),
    value: value.slice(0, 2_000),
    ...(style === undefined ? {} : { style }),
  };
}

function text(said: string): JsonObject {
  return { type: 'plain_text', text: said };
}

/** What the form for another runbook is called in what Slack sends back. */
export const runbookForm = 'watchkeeper.runbook-form';

/** The form in which another runbook, and its parameters, are chosen. Slack wants it within three seconds of the click. */
export function runbookView(incidentId: string, runbooks: readonly string[]): JsonObject {
  const options = runbooks.slice(0, 100).map((name) => ({ text: text(name.slice(0, 75)), value: name.slice(0, 150) }));
  return {
    type: 'modal',
    callback_id: runbookForm,
    private_metadata: incidentId.slice(0, 3_000),
    title: text('Other runbook'),
    submit: text('Propose'),
    close: text('Cancel'),
    blocks: [
      {
        type: 'input',
        block_id: 'runbook',
        label: text('Those that match the incident'),
        element: { type: 'static_select', action_id: 'runbook', options },
      },
      {
        type: 'input',
        block_id: 'params',
        optional: true,
        label: text('Parameters, as name=value'),
        element: { type: 'plain_text_input', action_id: 'params', max_length: 500 },
      },
    ],
  };
}
