import { renderLogLine } from './render/log.ts';
import { forTerminal } from './render/safe.ts';
import { styleFor } from './run-command.ts';
import type { Shell } from './shell.ts';

/** Where the daemon's log goes: standard output, as JSON lines, or as text where a person watches (`auto`: a terminal). */
export function logSink(shell: Shell, format: 'auto' | 'json' | 'text'): { write(line: string): void } {
  const asText = format === 'text' || (format === 'auto' && shell.out.isTty);
  if (!asText) return { write: (line) => shell.out.write(line) };
  return {
    write: (line) => {
      const style = styleFor(shell);
      shell.out.write(forTerminal(renderLogLine(line, style), style));
    },
  };
}
