import { WatchkeeperError, type ErrorCode } from '../../lib/errors.ts';
import type { SecretRef } from '../../domain/ports/io.ts';
import type { Secrets } from '../../domain/ports/secrets.ts';

/** Where mail is handed in, and how. `tls`: from the first byte; `starttls`: required before anything is said; `none`: clear text. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  readonly auth?: { readonly user: string; readonly password: SecretRef };
  readonly timeoutMs: number;
}

/** One plain-text mail to one person. */
export interface Mail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** `<id@host>`, so that a mail program shows what belongs together as one conversation. */
  readonly messageId: string;
  readonly inReplyTo?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A PNG, shown below the text where the mail program can. */
  readonly picture?: Uint8Array;
}

/** Hands mail to a server. Each mail is one connection, closed after it: notices are rare, and an idle one would be stale. */
export interface Smtp {
  /** Resolves with the server's answer once it has taken the mail. @throws `unreachable`, `timeout`, `unauthorized`, `forbidden`, `aborted`. */
  send(mail: Mail, signal: AbortSignal): Promise<string>;
  /** Connects and signs in, and sends nothing. */
  check(signal: AbortSignal): Promise<void>;
}

/** SMTP through nodemailer, loaded at the first mail. */
export function smtp(server: SmtpServer, secrets: Secrets): Smtp {
  const transport = async (signal: AbortSignal) => {
    const { createTransport } = await import('nodemailer');
    const { auth } = server;
    const pass = auth === undefined ? undefined : await secrets.resolve(auth.password, signal);
    return createTransport({
      host: server.host,
      port: server.port,
      secure: server.security === 'tls',
      requireTLS: server.security === 'starttls',
      ignoreTLS: server.security === 'none',
      ...(auth === undefined ? {} : { auth: { user: auth.user, pass } }),
      connectionTimeout: server.timeoutMs,
      greetingTimeout: server.timeoutMs,
      socketTimeout: server.timeoutMs,
      // A text may name files and URLs; none of them is ever fetched.
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  };
  const within = async <T>(signal: AbortSignal, work: (made: Awaited<ReturnType<typeof transport>>) => Promise<T>) => {
    const made = await transport(signal);
    const stop = (): void => made.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([work(made), gone(signal)]);
    } catch (thrown) {
      throw faultOf(server, thrown, signal);
    } finally {
      signal.removeEventListener('abort', stop);
      made.close();
    }
  };
  return {
    send: (mail, signal) =>
      within(signal, async (made) => {
        const { picture, ...rest } = mail;
        const { from, to } = rest;
        // The envelope is given apart from the headers: nothing in a text can add a recipient.
        const sent = await made.sendMail({
          ...rest,
          headers: { ...rest.headers },
          envelope: { from, to: [to] },
          ...(picture === undefined ? {} : withPicture(rest.text, picture)),
        });
        return sent.response;
      }),
    check: (signal) =>
      within(signal, async (made) => {
        await made.verify();
      }),
  };
}

// The text stands in both parts; in the second as preformatted text with every special character escaped.
function withPicture(text: string, picture: Uint8Array) {
  const safe = text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  const html = `<pre style="font-family:monospace;white-space:pre-wrap">${safe}</pre><img src="cid:chart" alt="The course of the signal" width="880" height="360">`;
  const content = Buffer.from(picture);
  const inline = {
    filename: 'chart.png',
    contentType: 'image/png',
    cid: 'chart',
    contentDisposition: 'inline' as const,
  };
  return { html, attachments: [{ ...inline, content }] };
}

function gone(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(new WatchkeeperError('aborted', 'stopped'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function faultOf(server: SmtpServer, thrown: unknown, signal: AbortSignal): WatchkeeperError {
  const where = `mail server ${server.host}:${server.port}`;
  if (signal.aborted) return new WatchkeeperError('aborted', `${where}: stopped`, { cause: thrown });
  if (thrown instanceof WatchkeeperError) return thrown;
  const { code = '', responseCode } = thrown as { readonly code?: string; readonly responseCode?: number };
  const kind = kinds[code] ?? (responseCode !== undefined && responseCode >= 500 ? 'forbidden' : 'unreachable');
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new WatchkeeperError(kind, `${where}: ${text}`, { cause: thrown });
}

const kinds: Readonly<Record<string, ErrorCode>> = {
  EAUTH: 'unauthorized',
  ETIMEDOUT: 'timeout',
  ENOAUTH: 'unauthorized',
};
