/** `1 incident`, `2 incidents`. */
export function count(many: number, one: string, several = `${one}s`): string {
  return `${many.toLocaleString('en')} ${many === 1 ? one : several}`;
}

/** An id as people copy it: enough of it to be the only one, never a wall of digits. */
export function shortId(id: string): string {
  // The first 48 bits of a UUIDv7 are its time in ms; the rest only parts ids of one millisecond.
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(id) ? id.slice(0, 13) : id.slice(0, 12);
}

/** `75 %`. */
export function percent(ratio: number, digits = 0): string {
  return `${(ratio * 100).toFixed(digits)} %`;
}

/** The first letter as a capital. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Text from outside as it may be shown: control and format characters, which could turn a line around or hide a part of
 * it, become visible.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '\n' || character === '\t') return character;
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** At most so many characters; an ellipsis says that there is more. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;
}

/** Labels as one line: `instance=a, zone=b`. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
