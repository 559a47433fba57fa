import { request } from 'node:http';
import { connect } from 'node:net';

import { startServer, type ApiServer } from '../../src/api/index.ts';
import type { PendingApproval } from '../../src/agent/index.ts';
import type { LedgerEntry } from '../../src/domain/ledger.ts';
import { limits } from '../../src/lib/limits.ts';
import { grants, waitingWorld, type WaitingWorld } from '../support/api-world.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock, type VirtualClock } from '../support/virtual-clock.ts';

/** What an attempt came back with. */
export interface Outcome {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** How something is sent. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** A token's first word: `ana` sends `Bearer ana-token`. */
  readonly as?: string;
}

/** A plan that waits for consent, behind the real server on a real port. */
export interface Stage {
  readonly here: WaitingWorld;
  readonly server: ApiServer;
  readonly waiting: PendingApproval;
  readonly log: ReturnType<typeof recordingLog>;
  /** The server's own time: rates are counted on it. */
  readonly clock: VirtualClock;
  /** One request, its path as it is written: no client corrects it. */
  send(path: string, sent?: Sent): Promise<Outcome>;
  json(path: string, body: unknown, as?: string): Promise<Outcome>;
  /** Bytes on the wire, as they are; resolves with what came back until the server closed or said nothing for a while. */
  raw(text: string): Promise<string>;
  /** What the ledger holds. */
  ledger(): readonly LedgerEntry[];
  /** Everything by which one would see that something was done: effects, the state of the question, pauses, acts in the ledger. */
  done(): Promise<unknown>;
  close(): Promise<void>;
}

const acts = new Set(['step-intent', 'step-started', 'step-outcome', 'approval', 'paused', 'resumed', 'config-loaded']);

/** The first minutes of a scenario, until a plan waits. */
export async function setStage(scenario?: string, requestWithinMs?: number): Promise<Stage> {
  return raise(await waitingWorld({}, scenario), requestWithinMs);
}

/** The server before a world. */
export async function raise(here: WaitingWorld, requestWithinMs?: number): Promise<Stage> {
  const { world, waiting } = here;
  const clock = virtualClock();
  const log = recordingLog();
  const server = await startServer({
    ...{ host: '127.0.0.1', port: 0, hosts: ['127.0.0.1', 'localhost'], grants: grants(), log, clock },
    agent: agentOf(here),
    ...(requestWithinMs === undefined ? {} : { requestWithinMs }),
  });
  const { port } = new URL(server.url);
  const send: Stage['send'] = (path, { method = 'GET', headers = {}, body, as } = {}) =>
    new Promise((resolve, reject) => {
      const authorization = as === undefined ? {} : { authorization: `Bearer ${as}-token` };
      const length =
        body === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(body) };
      const options = { host: '127.0.0.1', port, path, method, headers: { ...authorization, ...length, ...headers } };
      const asked = request({ ...options, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
        response.on('error', reject);
      });
      asked.on('error', reject);
      asked.end(body);
    });
  const ledger = (): readonly LedgerEntry[] =>
    world.disk.entries.map(({ data }) => JSON.parse(Buffer.from(data).toString()) as LedgerEntry);
  return {
    here,
    server,
    waiting,
    log,
    clock,
    send,
    ledger,
    json: (path, body, as) =>
      send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(as === undefined ? {} : { as }),
      }),
    raw: (text) =>
      new Promise((resolve) => {
        const socket = connect(Number(port), '127.0.0.1');
        let said = '';
        socket.setTimeout(3_000, () => socket.destroy());
        socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(said));
        socket.end(text);
      }),
    done: async () => {
      const agent = agentOf(here);
      return {
        effects: world.host.effects.length,
        acts: ledger().filter(({ type }) => acts.has(type)).length,
        paused: agent.status().paused !== undefined,
        questions: await Promise.all(
          agent.approvals().map(async ({ planId }) => {
            const asked = await agent.approval(planId, { id: 'test', groups: [] });
            return [planId, asked?.approval.status, asked?.approval.approvals.map(({ by }) => by.id)];
          }),
        ),
      };
    },
    close: async () => {
      const closed = server.close();
      await clock.advance(limits.apiGoodbyeMs);
      await closed;
    },
  };
}

export function agentOf({ world }: WaitingWorld) {
  const agent = world.daemon?.agent;
  if (agent === undefined) throw new Error('no daemon runs');
  return agent;
}
