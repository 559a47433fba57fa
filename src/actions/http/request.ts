import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext, ActionResult, Probe } from '../../domain/ports/action.ts';
import type { HttpRequest, HttpResponse } from '../../domain/ports/io.ts';
import { defineAction } from '../define-action.ts';
import { createOnce } from '../once.ts';
import { classOf } from './address.ts';

const status = z.int().min(100).max(599);
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be a header name')
  .refine((name) => !reserved.has(name.toLowerCase()), 'this header is set by Watchkeeper');
const headerValue = z
  .string()
  .max(4_096)
  .regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII on one line');
const reserved = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'idempotency-key',
  'watchkeeper-epoch',
]);

const params = z
  .strictObject({
    /** The one host (and port) this step may speak to, written out: the URL's host must equal it. */
    host: z.string().min(1).max(255),
    url: z.string().max(2_048),
    method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE', 'GET']).default('POST'),
    headers: z.record(headerName, headerValue).default({}),
    /** Header values read from a file or the environment at the last moment, behind an optional prefix (`Bearer `). */
    secretHeaders: z
      .record(
        headerName,
        z.strictObject({
          file: z.string().exactOptional(),
          env: z.string().exactOptional(),
          prefix: headerValue.exactOptional(),
        }),
      )
      .default({}),
    body: z
      .string()
      .max(64 * 1024)
      .exactOptional(),
    /** Answers that mean it was done. */
    expect: z.array(status).min(1).max(20).default([200, 201, 202, 204]),
    /** Set when the name in `host` may resolve to a private network. An address that is written out needs no leave. */
    privateNetwork: z.boolean().default(false),
    /** A read-only question to the same host that tells whether it happened. */
    probe: z
      .strictObject({ url: z.string().max(2_048), done: z.array(status).min(1), notDone: z.array(status).min(1) })
      .exactOptional(),
  })
  .superRefine((given, context) => {
    const urls: readonly (readonly [string, readonly string[]])[] = [
      [given.url, ['url']],
      ...(given.probe === undefined ? [] : [[given.probe.url, ['probe', 'url']] as const]),
    ];
    for (const [url, path] of urls) {
      const message = whyNot(given.host, url);
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [...path] });
    }
  });
type Params = z.infer<typeof params>;

const once = createOnce();

/** Calls one pinned host over HTTP, with an idempotency key and no redirects. */
export const httpRequest = defineAction<Params>({
  kind: 'http.request',
  summary: 'Send one HTTP request to a pinned host, with an idempotency key',
  // What is behind a URL is not known to us, so the worst is assumed.
  traits: { reversible: false, idempotent: false, destructive: true, scope: 'external' },
  params: schemaOf(params),
  needs: ['reach the host in `host`', 'read the files of `secretHeaders`'],
  target: (given, service) => ({
    kind: 'http',
    id: `${given.method} ${withoutQuery(given.url)}`,
    service: service.name,
    labels: service.labels,
  }),
  observe: async (given, context) => {
    const seen = given.probe === undefined ? undefined : await ask(given, given.probe, context);
    return {
      target: {
        kind: 'http',
        id: `${given.method} ${withoutQuery(given.url)}`,
        service: context.service.name,
        labels: context.service.labels,
      },
      atMs: context.io.clock.nowMs(),
      facts: { host: given.host, probe: seen?.is ?? 'none' },
      stateHash: digest([given.host, given.url, given.method, seen?.is ?? 'none']),
      blast: { touched: 1, total: 1, healthyAfter: 0, targets: [given.host], dependents: [] },
    };
  },
  preview: (given, { facts }) => {
    if (facts['probe'] === 'done') throw new WatchkeeperError('conflict', `${given.host} says that it is done already`);
    const what = `${given.method} ${withoutQuery(given.url)}`;
    return { describe: `send ${what}`, diff: [`${what}: expect ${given.expect.join(', ')}`] };
  },
  before: (given) => ({ request: digest([given.method, given.url, given.body ?? '']) }),
  run: (given, _before, key, context) => once(key, () => send(given, key, context)),
  probe: (given, _before, context) =>
    given.probe === undefined
      ? Promise.resolve({ is: 'unknown', because: 'the step names no probe' })
      : ask(given, given.probe, context),
});

async function send(given: Params, key: string, context: ActionContext): Promise<ActionResult> {
  const secrets: Record<string, string> = {};
  for (const [name, { prefix, ...ref }] of Object.entries(given.secretHeaders))
    secrets[name] = `${prefix ?? ''}${await context.io.secrets.resolve(ref, context.signal)}`;
  let answer: HttpResponse;
  try {
    answer = await request(given, context, {
      method: given.method,
      url: given.url,
      headers: { ...given.headers, ...secrets, 'Idempotency-Key': key, 'Watchkeeper-Epoch': String(context.epoch) },
      ...(given.body === undefined ? {} : { body: given.body }),
      timeoutMs: Math.max(1, context.timeoutMs - Math.min(2_000, context.timeoutMs / 10)),
    });
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    return neverSent(error)
      ? { is: 'failed', message: `nothing was sent: ${error.message}` }
      : { is: 'unknown', message: `it was sent, and no clear answer came: ${error.message}` };
  }
  const data = { status: answer.status };
  if (given.expect.includes(answer.status)) return { is: 'done', message: `it answered ${answer.status}`, data };
  if (answer.status >= 300 && answer.status < 400)
    return { is: 'failed', message: `it answered ${answer.status}: redirects are not followed`, data };
  const refused = answer.status >= 400 && answer.status < 500 && answer.status !== 408;
  return { is: refused ? 'failed' : 'unknown', message: `it answered ${answer.status}`, data };
}

async function ask(given: Params, probe: NonNullable<Params['probe']>, context: ActionContext): Promise<Probe> {
  try {
    const answer = await request(given, context, { method: 'GET', url: probe.url, timeoutMs: context.timeoutMs });
    const because = `${withoutQuery(probe.url)} answered ${answer.status}`;
    if (probe.done.includes(answer.status)) return { is: 'done', because };
    return { is: probe.notDone.includes(answer.status) ? 'not-done' : 'unknown', because };
  } catch (thrown) {
    return { is: 'unknown', because: WatchkeeperError.from(thrown).message };
  }
}

function request(given: Params, context: ActionContext, what: Omit<HttpRequest, 'signal'>): Promise<HttpResponse> {
  return context.io.http.request({
    ...what,
    maxBytes: 256 * 1024,
    signal: context.signal,
    // Asked after the name was resolved, with the very address that is connected to: a name that changes its mind
    // between a check and a call gets nowhere.
    admit: (address) => {
      const found = classOf(address);
      return (
        found === 'public' ||
        (found === 'private' && (given.privateNetwork || classOf(hostnameOf(what.url)) === 'private'))
      );
    },
  });
}

function whyNot(host: string, text: string): string | undefined {
  if (!URL.canParse(text)) return 'not a URL';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'only http and https are spoken';
  if (url.username !== '' || url.password !== '') return 'a URL must not hold credentials: use secretHeaders';
  if (url.host !== host) return `its host is ${url.host}, and only ${host} is listed`;
  if (classOf(url.hostname) === 'never') return `${url.hostname} is link-local, a metadata service, or no host at all`;
  return undefined;
}

function hostnameOf(url: string): string {
  return new URL(url).hostname;
}

// A query may hold what must not be shown.
function withoutQuery(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname}`;
}

const beforeSending = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

function neverSent(error: WatchkeeperError): boolean {
  if (error.code === 'forbidden' || error.code === 'config-invalid') return true;
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' && beforeSending.has(cause.code);
}
