import pino from 'pino';

import type { Log } from '../domain/ports/io.ts';
import type { Scrubber } from './scrub.ts';

/** The least severity that is written. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Where lines go: a write function, so that tests and the terminal can listen. */
export type LogTarget = { write(line: string): void };

/** Structured logs (one JSON object a line, pino), every field scrubbed (I13). */
export function createLog(level: LogLevel, scrubber: Scrubber, target: LogTarget): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => scrubber.value(fields) as Record<string, unknown>,
      },
    },
    target,
  );
  return wrap(logger);
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}
