import * as z from 'zod';

import { sha256Hex } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';
import { zSecretRef } from '../../lib/zod-parts.ts';
import type { ChannelKind, Delivery, Notice } from '../../domain/ports/channel.ts';
import { smtp, type Mail, type SmtpServer } from '../../io/clients/smtp.ts';
import { drawn } from '../picture.ts';
import { renderNotice, renderTitle } from '../render.ts';

/**
 * # email: plain text through your mail server
 *
 * One conversation an incident: later mails answer the first, so that a mail program keeps them together. Nothing in a notice
 * reaches a header but the subject, as one line.
 */
export interface EmailConfig extends Omit<SmtpServer, 'timeoutMs'> {
  readonly from: string;
  readonly timeout: number;
}

const address = z
  .string()
  .max(254)
  .regex(/^[^\s@<>",;:\\()[\]]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be a mail address');

/** The e-mail channel. */
export const emailChannel: ChannelKind<EmailConfig> = {
  kind: 'email',
  summary: 'E-mail: plain text through a mail server, one conversation an incident.',
  traits: { approvals: false, threads: true, edits: false },
  config: schemaOf<EmailConfig>(
    z.strictObject({
      host: z.string().min(1).max(253),
      port: z.int().min(1).max(65_535).default(587),
      security: z
        .enum(['tls', 'starttls', 'none'])
        .default('starttls')
        .describe('tls: encrypted from the first byte (465); starttls: encrypted or not at all; none: clear text.'),
      auth: z.strictObject({ user: z.string().min(1), password: zSecretRef }).exactOptional(),
      from: address.describe('Who the mail is from.'),
      timeout: durationMs.refine((ms) => ms >= 500 && ms <= 60_000, 'must be between 500ms and 1m').prefault('10s'),
    }),
  ),
  create(id, { from, timeout, ...server }, io) {
    const post = smtp({ ...server, timeoutMs: timeout }, io.secrets);
    return {
      id,
      kind: 'email',
      traits: emailChannel.traits,
      post: async (notice, to, signal): Promise<Delivery> => {
        if (!address.safeParse(to).success)
          return { is: 'failed', reason: `${oneLine(to, 100)} is not a mail address`, retryable: false };
        try {
          const picture = await drawn(notice, io.log, signal);
          const mail = mailOf(notice, from, to);
          return { is: 'accepted', ref: await post.send(picture === undefined ? mail : { ...mail, picture }, signal) };
        } catch (thrown) {
          const error = WatchkeeperError.from(thrown, 'unreachable');
          return { is: 'failed', reason: error.message, retryable: error.retryable };
        }
      },
      check: (signal) => post.check(signal),
      close: () => Promise.resolve(),
    };
  },
};

function mailOf(notice: Notice, from: string, to: string): Mail {
  const host = from.slice(from.indexOf('@') + 1);
  // Ids are made of what is known to every later process, so that a restart goes on in the same conversation.
  const idOf = (text: string): string => `<${sha256Hex(text).slice(0, 40)}@${host}>`;
  const { incident } = notice;
  const first = incident === undefined ? undefined : idOf(`${incident.id}/opened`);
  return {
    from: `Watchkeeper <${from}>`,
    to,
    subject: oneLine(renderTitle(notice), 200),
    text: renderNotice(notice),
    messageId: idOf(notice.id),
    ...(first === undefined ? {} : { inReplyTo: first }),
    headers: {
      // Out-of-office answers and mailing lists leave it alone (RFC 3834).
      'auto-submitted': 'auto-generated',
      'x-watchkeeper-notice': notice.id.replace(/[^\x21-\x7e]/g, '').slice(0, 200),
    },
  };
}
