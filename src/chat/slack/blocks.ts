import type { JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';

/** A message as `chat.postMessage` takes it. `text` is what notifications and screen readers give. */
export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly JsonObject[];
}

/** A picture that was uploaded to Slack. */
export interface CardPicture {
  /** Slack's id of the file. */
  readonly id: string;
  /** What is on it, in words, for who cannot see it. */
  readonly alt: string;
}

// Slack's limits: 150 characters a header, 3,000 a section, 2,000 a context element, 50 blocks; a whole message fails at
// some 13,000.
const headerChars = 150;
/** What fits into one section. */
export const sectionChars = 2_900;
const contextChars = 300;
const altChars = 1_000;

/** A message as it is sent: nothing in it is unfurled. */
export function body({ text, blocks }: SlackMessage): JsonObject {
  return { text, blocks, unfurl_links: false, unfurl_media: false };
}

/** The text beside the blocks is read as markup: escaped as Slack's documentation says, nothing in it comes alive. */
export function fallback(text: string): string {
  return escaped(oneLine(text, 250));
}

/** Slack's own three escapes. */
export function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** A heading. */
export function header(text: string): JsonObject {
  return { type: 'header', text: plain(oneLine(text, headerChars), headerChars) };
}

/** Lines as one block; none for none. Each line must be one safe line already. */
export function section(lines: readonly string[], most = sectionChars): readonly JsonObject[] {
  return lines.length === 0 ? [] : [{ type: 'section', text: plain(lines.join('\n'), most) }];
}

/** A picture as a block; none for none. */
export function image(picture: CardPicture | undefined): readonly JsonObject[] {
  if (picture === undefined) return [];
  return [{ type: 'image', slack_file: { id: picture.id }, alt_text: oneLine(picture.alt, altChars) }];
}

/** Small print; at most ten. */
export function context(lines: readonly string[]): readonly JsonObject[] {
  if (lines.length === 0) return [];
  return [
    { type: 'context', elements: lines.slice(0, 10).map((line) => plain(oneLine(line, contextChars), contextChars)) },
  ];
}

/** Plain text: no mention, link or markup in it comes alive. */
export function plain(text: string, max: number): JsonObject {
  return { type: 'plain_text', emoji: false, text: text.length > max ? `${text.slice(0, max - 1)}…` : text };
}
