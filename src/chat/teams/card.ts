import type { JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import { renderNotice, renderTitle } from '../render.ts';

// Teams refuses messages of some 28 KB; well below it there is no doubt about how it counts.
const bodyChars = 9_000;
const titleChars = 300;

const colours: Readonly<Record<string, string>> = { critical: 'Attention', warning: 'Warning', info: 'Default' };

/**
 * A notice as the message that a Workflows webhook takes: one adaptive card (1.5). Text from outside stands in TextRuns, which
 * know no markdown, so nothing in it becomes a link or a mention.
 */
export function teamsMessage(notice: Notice): JsonObject {
  const colour = notice.kind === 'resolved' ? 'Good' : (colours[notice.incident?.severity ?? 'info'] ?? 'Default');
  const [, ...rest] = renderNotice(notice).split('\n');
  const facts = notice.incident === undefined ? [] : [factSet(notice)];
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.5',
    fallbackText: oneLine(renderTitle(notice), titleChars),
    msteams: { width: 'Full' },
    body: [
      rich(oneLine(renderTitle(notice), titleChars), { weight: 'Bolder', size: 'Large', color: colour }),
      ...facts,
      ...lines(rest.join('\n')).map((line) => rich(line, { fontType: 'Monospace', size: 'Small' })),
    ],
    ...(notice.page === undefined
      ? {}
      : { actions: [{ type: 'Action.OpenUrl', title: linkWords(notice), url: notice.page }] }),
  };
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  };
}

function linkWords({ kind }: Notice): string {
  return kind === 'approval-needed' ? 'Approve or deny on the page' : 'Open the page';
}

function factSet({ incident, diagnosis }: Notice): JsonObject {
  const facts = [
    ['Service', incident?.service ?? ''],
    ['State', incident?.status ?? ''],
    ['Incident', incident?.id ?? ''],
    ...(diagnosis === undefined
      ? []
      : [['Likely cause', `${diagnosis.cause}, ${Math.round(diagnosis.confidence * 100)}% sure`]]),
  ];
  return {
    type: 'Table',
    columns: [{ width: 1 }, { width: 4 }],
    showGridLines: false,
    rows: facts.map((cells) => ({
      type: 'TableRow',
      cells: cells.map((text) => ({ type: 'TableCell', items: [rich(oneLine(text, 200), {})] })),
    })),
  };
}

function rich(text: string, style: JsonObject): JsonObject {
  return { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text, ...style }] };
}

function lines(text: string): readonly string[] {
  const cut = text.length > bodyChars ? `${text.slice(0, bodyChars)}…` : text;
  return cut
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 80);
}
