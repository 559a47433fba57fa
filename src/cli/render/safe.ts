import { oneLine } from '../../lib/text.ts';
import { sgr, type Style } from './style.ts';

const escape = String.fromCharCode(27);
// What can move the cursor, hide or turn text around: C0 and C1 controls, format characters, odd line ends.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text from outside (log lines, labels, reasons) as one harmless line of at most `max` characters. */
export function clean(text: string, max = 400): string {
  return oneLine(text, max);
}

/**
 * The last door before the terminal: whatever the renderers did, only line breaks and our own colour sequences pass.
 * Ends with exactly one line break.
 */
export function forTerminal(text: string, style: Pick<Style, 'colour'>): string {
  const lines = text.split('\n').map((line) => {
    if (!style.colour) return line.replace(sgr, '').replace(unsafe, ' ').trimEnd();
    const kept = line.match(sgr) ?? [];
    const parts = line.split(sgr).map((part) => part.replace(unsafe, ' '));
    return parts.map((part, index) => part + (kept[index] ?? '')).join('');
  });
  return `${lines.join('\n').replace(/\n+$/, '')}\n`;
}

/** JSON for machines that is harmless on a terminal too: every control and format character is escaped. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  const safe = text.replace(unsafe, (character) => (character === '\n' ? character : escaped(character)));
  return `${safe}\n`;
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

/** Whether text holds an escape character: for tests and asserts. */
export function holdsEscape(text: string): boolean {
  return text.includes(escape);
}
