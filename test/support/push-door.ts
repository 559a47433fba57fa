import { expect } from 'vitest';

import type { Agent } from '../../src/agent/index.ts';
import { takeInbound } from '../../src/agent/hearing.ts';
import { startServer } from '../../src/api/index.ts';
import type { Source } from '../../src/domain/ports/source.ts';
import { systemClock } from '../../src/io/index.ts';
import { waitingWorld } from './api-world.ts';
import { recordingLog } from './quiet-log.ts';
import { seededRandom } from './seeded-random.ts';

/** The daemon's HTTP port before a real agent and its ledger, with sources that are called back. */
export interface PushDoor {
  /** The sources that are there now, by their ids. */
  sources: readonly Source[];
  /** Posts to `/hooks/ID`. */
  post(
    id: string,
    body: string | Uint8Array,
    token?: string,
  ): Promise<{ readonly status: number; readonly text: string }>;
  /** Posts it and expects it to be refused, with its reason in the ledger and nothing of it known to the sender. */
  refuses(id: string, status: number, because: RegExp, body: string, token?: string): Promise<void>;
  /** Why pushes were refused, as the ledger has it: `source: because`. */
  refusals(): readonly string[];
  close(): Promise<void>;
}

/** Opens it. */
export async function openPushDoor(): Promise<PushDoor> {
  const { world } = await waitingWorld();
  const own = world.daemon?.agent;
  if (own === undefined) throw new Error('this world has no daemon');
  const log = recordingLog();
  const agent: Agent = {
    ...own,
    inbound: (id, request) =>
      takeInbound(
        {
          ...{ agent: own, channels: () => new Map(), sources: door.sources, escalations: () => new Map() },
          ...{ clock: systemClock, random: seededRandom(1), log },
        },
        id,
        request,
        new AbortController().signal,
      ),
  };
  const api = await startServer({
    ...{ agent, grants: [], hosts: [], log, clock: systemClock },
    ...{ host: '127.0.0.1', port: 0 },
  });
  const door: PushDoor = {
    sources: [],
    post: async (id, body, token) => {
      const headers = { connection: 'close', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
      const answer = await fetch(`${api.url}/hooks/${id}`, { method: 'POST', body: Buffer.from(body), headers });
      return { status: answer.status, text: await answer.text() };
    },
    refusals: () =>
      world.recorded.flatMap(({ draft: { type, body, payload } }) => {
        const { request, via } = body as { readonly request?: string; readonly via?: string };
        const { reason = '' } = (payload ?? {}) as { readonly reason?: string };
        return type === 'request-refused' && request === 'push' ? [`${via ?? ''}: ${reason}`] : [];
      }),
    refuses: async (id, status, because, body, token) => {
      const before = door.refusals().length;
      const answer = await door.post(id, body, token);
      expect(answer.status).toBe(status);
      expect(answer.text).toMatch(/^(That was not accepted|Try again shortly)\.$/);
      const refusals = door.refusals();
      expect(refusals).toHaveLength(before + 1);
      expect(refusals.at(-1)).toMatch(because);
      expect(refusals.at(-1)).toContain(`hook:${id}: `);
    },
    close: () => api.close(),
  };
  return door;
}

/** Whether a source has a reason to look. */
export async function rings(source: Source): Promise<boolean> {
  const stop = new AbortController();
  let rung = false;
  const waiting = source.news?.(stop.signal).then(() => (rung = !stop.signal.aborted));
  await new Promise((resolve) => setTimeout(resolve, 100));
  stop.abort();
  await waiting;
  return rung;
}
