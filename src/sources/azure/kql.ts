/**
 * A text as KQL writes it. Whatever stands in it stays a text: quotes, backslashes, line breaks and everything beyond
 * ASCII are written by their numbers.
 */
export function kqlText(text: string): string {
  const inner = Array.from(text.toWellFormed()).map((mark) => {
    if (/^[A-Za-z0-9 _./:@=,+()[\]{}<>!?*&%$#^~;|-]$/.test(mark)) return mark;
    return Array.from(
      { length: mark.length },
      (_, at) => `\\u${mark.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join('');
  });
  return `"${inner.join('')}"`;
}

/** A list of texts, for `in`. */
export function kqlList(texts: readonly string[]): string {
  return `(${texts.map(kqlText).join(', ')})`;
}

/** A moment. */
export function kqlTime(ms: number): string {
  return `datetime(${new Date(ms).toISOString()})`;
}
