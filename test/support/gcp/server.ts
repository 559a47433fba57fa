import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { gcpApis } from '../../../src/io/clients/gcp/index.ts';
import type { GcpServiceName } from '../../../src/domain/ports/gcp.ts';
import { routed, wrongIn, type Message } from './definitions.ts';

/** A call as it arrived: by whom, with what scope, and what it asked for. */
export interface Called {
  readonly method: string;
  readonly account: string;
  readonly scope: string;
  readonly message: Message;
}

/** What a method answers: a message, or an error as AIP-193 has it. */
export type Answered = object | GcpFault;

/** An error to answer with. */
export class GcpFault {
  readonly status: number;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** An error of AIP-193: `{code, message, status}`, and a reason where there is one. */
export function fault(
  code: number,
  status: string,
  message: string,
  more: { readonly reason?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): GcpFault {
  const type = 'type.googleapis.com/google.rpc.ErrorInfo';
  const details = more.reason === undefined ? [] : [{ '@type': type, reason: more.reason, domain: 'googleapis.com' }];
  return new GcpFault(code, { error: { code, message, status, details } }, more.headers);
}

/** Google Cloud on this machine: every request and answer is compared with what Google publishes. */
export interface GcpServer {
  readonly url: string;
  readonly called: readonly Called[];
  /** Where a request or an answer was not what is published. Empty at the end of every test. */
  readonly violations: readonly string[];
  /** An external_account file for GOOGLE_APPLICATION_CREDENTIALS, with a subject token in the given file. */
  credentials(tokenFile: string): string;
  /** Tokens that were given out run out now. */
  expire(): void;
  close(): Promise<void>;
}

/** Who may be whom, and what each method answers. */
export interface GcpRules {
  /** Service accounts that the federated identity may be. */
  readonly impersonates: readonly string[];
  answer(called: Called): Answered | Promise<Answered>;
  /** Whether IAM lets an account do this. Default: everything. */
  allows?(called: Called): boolean;
}

/** The identity that comes of workload identity federation here. */
export const federated = 'principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/w';
const platform = 'https://www.googleapis.com/auth/cloud-platform';

/** Starts it. */
export async function startGcpServer(rules: GcpRules): Promise<GcpServer> {
  const tokens = new Map<string, { readonly account: string; readonly scope: string; readonly untilMs: number }>();
  const called: Called[] = [];
  const violations: string[] = [];
  const minted = (account: string, scope: string, seconds: number): string => {
    const token = crypto.randomUUID();
    tokens.set(token, { account, scope, untilMs: Date.now() + seconds * 1_000 });
    return token;
  };
  const handle = async (request: IncomingMessage): Promise<Answered> => {
    const url = new URL(request.url ?? '/', 'http://gcp');
    const text = await textOf(request);
    if (url.pathname === '/sts/v1/token') {
      const form = new URLSearchParams(text);
      if (form.get('subject_token') !== 'subject') return new GcpFault(400, { error: 'invalid_grant' });
      const token = minted(federated, form.get('scope') ?? '', 3_600);
      return {
        ...{ access_token: token, expires_in: 3_600, token_type: 'Bearer' },
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      };
    }
    const given = tokens.get((request.headers.authorization ?? '').replace('Bearer ', ''));
    if (given === undefined || given.untilMs <= Date.now()) {
      const words = 'Request had invalid authentication credentials. Expected OAuth 2 access token.';
      return fault(401, 'UNAUTHENTICATED', words, { reason: 'ACCESS_TOKEN_EXPIRED' });
    }
    const found = routed(request.method ?? 'GET', url, text === '' ? undefined : JSON.parse(text));
    if (found === undefined) {
      violations.push(`${request.method ?? ''} ${url.pathname} is no published route`);
      return fault(404, 'NOT_FOUND', 'no such route');
    }
    const { method, message, wrong } = found;
    violations.push(...wrong.map((one) => `${method}: ${one}`));
    if (wrong.length > 0) return fault(400, 'INVALID_ARGUMENT', wrong.join('; '));
    const one: Called = { method, ...given, message };
    called.push(one);
    if (!scopeAllows(one) || rules.allows?.(one) === false)
      return fault(403, 'PERMISSION_DENIED', `${given.account} may not ${method}`);
    if (method === 'iamcredentials generateAccessToken') return mint(one, rules, minted);
    const answer = await rules.answer(one);
    if (!(answer instanceof GcpFault)) violations.push(...wrongIn(method, answer).map((what) => `${method}: ${what}`));
    return answer;
  };
  const server = createServer((request, response) => {
    void handle(request)
      .catch((thrown: unknown) => {
        violations.push(String(thrown));
        return fault(500, 'INTERNAL', String(thrown));
      })
      .then((answer) => reply(response, answer));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    called,
    violations,
    credentials: (tokenFile) =>
      JSON.stringify({
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/w',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${url}/sts/v1/token`,
        credential_source: { file: tokenFile },
      }),
    expire: () => tokens.clear(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// As IAM has it: whoever may be the account gets a token of its scopes, for an hour at most.
function mint(
  { message, account }: Called,
  { impersonates }: GcpRules,
  minted: (account: string, scope: string, seconds: number) => string,
): Answered {
  const { name, scope, lifetime } = message as { name: string; scope: readonly string[]; lifetime: string };
  const whom = name.split('/').at(-1) ?? '';
  if (account !== federated || !impersonates.includes(whom))
    return fault(403, 'PERMISSION_DENIED', "Permission 'iam.serviceAccounts.getAccessToken' denied");
  const seconds = Number(lifetime.replace('s', ''));
  if (seconds > 3_600) return fault(400, 'INVALID_ARGUMENT', 'The lifetime is too long');
  return {
    accessToken: minted(whom, scope.join(' '), seconds),
    expireTime: new Date(Date.now() + seconds * 1_000).toISOString(),
  };
}

function scopeAllows({ method, scope }: Called): boolean {
  const [service = '', name = ''] = method.split(' ');
  const api = gcpApis[service as GcpServiceName];
  const scopes = scope.split(' ');
  const writes = api.methods[name]?.writes === true;
  return scopes.includes(platform) || scopes.includes(api.writes) || (!writes && scopes.includes(api.reads));
}

function reply(response: ServerResponse, answer: Answered): void {
  if (answer instanceof GcpFault) send(response, answer.status, answer.body, answer.headers);
  else send(response, 200, answer);
}

function send(response: ServerResponse, status: number, body: object, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
