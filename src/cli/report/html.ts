import { oneLine } from '../../lib/text.ts';

/** HTML that is safe to put into the page: made by `html` alone, so that no text gets in unescaped. */
export interface Html {
  readonly markup: string;
}

/** What may stand in a template: text is escaped, HTML is taken as it is, lists are joined. */
export type Part = string | number | Html | readonly Html[];

/** A template whose every part is escaped for text and for quoted attributes alike. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let markup = strings[0] ?? '';
  for (const [index, part] of parts.entries()) markup += rendered(part) + (strings[index + 1] ?? '');
  return { markup };
}

function rendered(part: Part): string {
  if (typeof part === 'string') return escape(part);
  if (typeof part === 'number') return escape(String(part));
  return 'markup' in part ? part.markup : part.map(({ markup }) => markup).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Text from outside, bounded, on one line, and harmless between tags and in quoted attributes. */
export function escape(text: string, most = 600): string {
  return oneLine(text, most).replace(/[&<>"'`]/g, (letter) => entities[letter] ?? '');
}
