import * as z from 'zod';

import type { ChannelKind } from '../../domain/ports/channel.ts';
import { schemaOf } from '../../lib/schema.ts';
import { renderNotice } from '../render.ts';

/**
 * # log: notices as log lines
 *
 * The channel that is always there: with nothing configured, people are still told where they look first. A log line
 * is accepted when it is handed over; nobody can answer through it.
 */
export const logChannel: ChannelKind<Record<string, never>> = {
  kind: 'log',
  summary: "The daemon's own log.",
  traits: { approvals: false, threads: false, edits: false },
  config: schemaOf(z.strictObject({})),
  create(id, _config, io) {
    return {
      id,
      kind: 'log',
      traits: logChannel.traits,
      post: (notice, address) => {
        const fields = {
          notice: notice.id,
          notice_kind: notice.kind,
          title: notice.title,
          incident: notice.incident?.id,
          plan: notice.plan?.id,
          address: address === '' ? undefined : address,
          text: renderNotice(notice),
        };
        if (quiet.has(notice.kind)) io.log.info('notice', fields);
        else io.log.warn('notice', fields);
        return Promise.resolve({ is: 'accepted' });
      },
      check: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  },
};

const quiet: ReadonlySet<string> = new Set(['acted', 'resolved']);
