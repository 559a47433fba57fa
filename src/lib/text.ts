/**
 * Text from outside as one safe line: control and format characters (terminal escapes, bidi overrides, zero-width
 * marks) and line breaks become one space, and what is longer than `max` characters ends with an ellipsis.
 */
export function oneLine(text: string, max: number): string {
  // Bounded before it is scanned, so that a huge text costs no more than a long one.
  const clean = text
    .slice(0, max * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .toWellFormed();
  const characters = Array.from(clean);
  const cut = characters.length > max || text.length > max * 4;
  return cut ? `${characters.slice(0, max - 1).join('')}…` : clean;
}

/** "a deploy", "an infrastructure". */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}
