import type { Log } from '../../src/domain/ports/io.ts';

export interface RecordedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines for the test to look at. */
export function recordingLog(
  lines: RecordedLine[] = [],
  base: Readonly<Record<string, unknown>> = {},
): Log & { readonly lines: readonly RecordedLine[] } {
  const at =
    (level: RecordedLine['level']) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void =>
      void lines.push({ level, message, fields: { ...base, ...fields } });
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLog(lines, { ...base, ...fields }),
  };
}
