import type * as z from 'zod';

import type { Agent } from '../agent/index.ts';
import type { Principal, Role } from '../domain/authority.ts';
import type { Identity } from './auth/identity.ts';
import type { Feed } from './feed.ts';
import type { Permission } from './roles.ts';

/** One kind of answer: what is in it, and when it is given. */
export interface AnswerSpec {
  readonly description: string;
  readonly schema: z.ZodType;
  /** Default: `application/json`. Anything else is sent as it is: text, or a stream of it. */
  readonly type?: string;
}

/** The answers of an endpoint by status. Errors are the same everywhere (`problem.ts`) and are not among them. */
export type AnswerSpecs = Readonly<Record<number, AnswerSpec>>;

/** An answer that fits the endpoint's own description of it. */
export type Answer<A extends AnswerSpecs> = {
  readonly [S in keyof A & number]: { readonly status: S; readonly body: z.output<A[S]['schema']> };
}[keyof A & number];

/** What a handler is given: everything in it has been checked. */
export interface Call<P, Q, B> {
  readonly agent: Agent;
  readonly identity: Identity;
  readonly who: Principal;
  readonly role: Role;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly feed: Feed;
  /** Whether people can sign in on the page. */
  readonly login: boolean;
  /** Whether what the caller came with still holds: for answers that go on. */
  readonly holds: () => boolean;
  /** A header, untrusted. */
  readonly header: (name: string) => string | undefined;
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** What is said of an endpoint, once: the routes, the checks, the OpenAPI document and the tests are made of it. */
export interface EndpointSpec<P, Q, B, A extends AnswerSpecs> {
  /** GET never changes anything. */
  readonly method: 'get' | 'post';
  /** With parameters in braces: `/api/v1/incidents/{id}`. */
  readonly path: string;
  /** The operation's id: lower camel case, a verb first. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** What the caller's role must give; `nothing`: open to everybody, for probes and scrapers. */
  readonly needs: Permission | 'nothing';
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  /** JSON. */
  readonly body?: z.ZodType<B>;
  readonly answers: A;
  readonly handle: (call: Call<P, Q, B>) => Answer<A> | Promise<Answer<A>>;
}

/** An endpoint of the table, whatever its types. */
export interface Endpoint extends Omit<
  EndpointSpec<unknown, unknown, unknown, AnswerSpecs>,
  'handle' | 'params' | 'query' | 'body'
> {
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly handle: (call: Call<never, never, never>) => Reply | Promise<Reply>;
}

/** What a handler gave. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Declares an endpoint: its handler is checked against its schemas. */
export function endpoint<P = undefined, Q = undefined, B = undefined, const A extends AnswerSpecs = AnswerSpecs>(
  spec: EndpointSpec<P, Q, B, A>,
): Endpoint {
  return spec;
}

/** The usual answer. */
export function ok<T>(body: T): { readonly status: 200; readonly body: T } {
  return { status: 200, body };
}

/** Another answer. */
export function reply<const S extends number, T>(status: S, body: T): { readonly status: S; readonly body: T } {
  return { status, body };
}
