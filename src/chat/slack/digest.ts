import { oneLine } from '../../lib/text.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import { renderTitle } from '../render.ts';
import { header, section, sectionChars, type SlackMessage } from './blocks.ts';

const titleChars = 90;
const perSection = Math.floor(sectionChars / (titleChars + 20));

/** As many notices as one message can name: four sections, below what a whole message may be. */
export const mostInDigest = 4 * perSection;

/**
 * Many notices as one message, when a channel is told more than Slack would take one by one. Each is named, with what to
 * answer by where an answer is asked: nothing is only counted.
 */
export function digest(notices: readonly Notice[]): SlackMessage {
  const heading = `${notices.length} notices at once`;
  const lines = notices.slice(0, mostInDigest).map(({ plan, kind, ...notice }) => {
    const answer = kind === 'approval-needed' && plan !== undefined ? ` (${plan.id.slice(0, 12)})` : '';
    return `• ${oneLine(renderTitle({ ...notice, kind }), titleChars)}${answer}`;
  });
  const sections = Array.from({ length: Math.ceil(lines.length / perSection) }, (_, at) =>
    section(lines.slice(at * perSection, (at + 1) * perSection)),
  );
  return { text: heading, blocks: [header(heading), ...sections.flat()] };
}
