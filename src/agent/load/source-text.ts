import { LineCounter } from 'yaml';

import type { Problem } from './problem.ts';

/** A file that was read, and where each character of it is. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  readonly lines: LineCounter;
}

/**
 * Decodes a file. A byte-order mark is left away. Bytes that are no UTF-8, and NUL, are a problem with their place.
 */
export function decode(file: string, bytes: Uint8Array): SourceText | Problem {
  const lenient = new TextDecoder('utf-8', { fatal: false }).decode(bytes);
  const source = sourceText(file, lenient);
  const nul = lenient.indexOf('\0');
  if (nul >= 0) return problemAt(source, nul, 'the file holds a NUL character: is it text?');
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return source;
  } catch {
    const at = Math.max(0, lenient.indexOf('\uFFFD'));
    return problemAt(source, at, 'this byte is not UTF-8; save the file as UTF-8');
  }
}

/** A text with its lines counted. */
export function sourceText(file: string, text: string): SourceText {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return { file, text, lines };
}

/** A problem at a character offset of a text; offsets outside are moved to its ends. */
export function problemAt(source: SourceText, offset: number, message: string, suggestion?: string): Problem {
  const inside = Math.max(0, Math.min(offset, source.text.length));
  const { line, col } = source.lines.linePos(inside);
  const start = source.lines.lineStarts[line - 1] ?? 0;
  const end = source.text.indexOf('\n', start);
  const excerpt = source.text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
  return {
    file: source.file,
    line,
    column: col,
    message,
    ...(suggestion !== undefined && { suggestion }),
    excerpt: withoutSecrets(excerpt),
  };
}

/** A problem of a whole file, or of a folder. */
export function fileProblem(file: string, message: string): Problem {
  return { file, line: 1, column: 1, message };
}

// A secret that was wrongly written into a file must not travel on into logs with the excerpt.
function withoutSecrets(line: string): string {
  return line.replace(/((?:password|passwd|secret|token|api-?key|credential)\w*["']?\s*:\s*)[^\s{].*$/i, '$1…');
}
