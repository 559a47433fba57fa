import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { ChannelKind } from '../../domain/ports/channel.ts';
import { schemaOf } from '../../lib/schema.ts';
import { renderNotice } from '../render.ts';

/**
 * # terminal: notices as text on the terminal the daemon was started from
 *
 * Plain text without escape sequences: it is also what a pipe or a journal gets. The answer is typed into another
 * terminal; nothing is read from this one.
 *
 * @param write where the text goes; the wiring hands in standard output, a test collects it.
 */
export function terminalChannel(write: (text: string) => void): ChannelKind<Record<string, never>> {
  const traits = { approvals: false, threads: false, edits: false } as const;
  return {
    kind: 'terminal',
    summary: 'The terminal the daemon runs in.',
    traits,
    config: schemaOf(z.strictObject({})),
    create: (id) => ({
      id,
      kind: 'terminal',
      traits,
      post: (notice) => {
        try {
          write(`\n${renderNotice(notice)}\n`);
          return Promise.resolve({ is: 'accepted' });
        } catch (thrown) {
          // A closed terminal (EPIPE, EIO) is a channel that is gone, not a fault of ours.
          const reason = WatchkeeperError.from(thrown).message;
          return Promise.resolve({
            is: 'failed',
            reason: `the terminal cannot be written: ${reason}`,
            retryable: false,
          });
        }
      },
      check: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
  };
}
