import type { JsonObject } from '../lib/json.ts';
import { oneLine } from '../lib/text.ts';
import type { Notice } from '../domain/ports/channel.ts';
import { renderNotice, renderTitle } from './render.ts';

// Teams refuses messages of some 28 KB; well below it there is no doubt about how it counts.
const bodyChars = 9_000;
const titleChars = 300;

const colours: Readonly<Record<string, string>> = { critical: 'Attention', warning: 'Warning', info: 'Default' };

/** What the Bot Framework's schema calls an attachment that is an adaptive card. */
export const cardType = 'application/vnd.microsoft.card.adaptive';

/** What a card may have beside its notice. */
export interface CardExtras {
  /** Buttons before the link to the page. */
  readonly actions?: readonly JsonObject[];
  /** What was decided: the last line. */
  readonly outcome?: string;
}

/**
 * A notice as an adaptive card (1.5). Text from outside stands in TextRuns, which know no markdown, so nothing in it becomes a
 * link or a mention.
 */
export function adaptiveCard(notice: Notice, { actions = [], outcome }: CardExtras = {}): JsonObject {
  const colour = notice.kind === 'resolved' ? 'Good' : (colours[notice.incident?.severity ?? 'info'] ?? 'Default');
  const title = oneLine(renderTitle(notice), titleChars);
  const [, ...rest] = renderNotice(notice).split('\n');
  const facts = notice.incident === undefined ? [] : [factSet(notice)];
  const link =
    notice.page === undefined ? [] : [{ type: 'Action.OpenUrl', title: linkWords(notice), url: notice.page }];
  const all = [...actions, ...link];
  return {
    ...cardHead(title),
    body: [
      rich(title, { weight: 'Bolder', size: 'Large', color: colour }),
      ...facts,
      ...lines(rest.join('\n')).map((line) => rich(line, { fontType: 'Monospace', size: 'Small' })),
      ...(outcome === undefined ? [] : [rich(oneLine(outcome, 500), { weight: 'Bolder' })]),
    ],
    ...(all.length === 0 ? {} : { actions: all }),
  };
}

/** Plain text as a card, line by line, in which nothing is markup either. */
export function textCard(text: string): JsonObject {
  return {
    ...cardHead(oneLine(text, titleChars)),
    body: lines(text).map((line) => rich(oneLine(line, 500), { fontType: 'Monospace', size: 'Small' })),
  };
}

/** A card as a message with one attachment. */
export function cardMessage(content: JsonObject): JsonObject {
  return { type: 'message', attachments: [{ contentType: cardType, contentUrl: null, content }] };
}

/** A notice as the message that a Workflows webhook takes. */
export function teamsMessage(notice: Notice): JsonObject {
  return cardMessage(adaptiveCard(notice));
}

function cardHead(fallbackText: string): JsonObject {
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.5',
    fallbackText,
    msteams: { width: 'Full' },
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
