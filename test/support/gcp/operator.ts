import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { actionKinds } from '../../../src/actions/index.ts';
import type { GcpPlace } from '../../../src/domain/places.ts';
import type { ActionContext, ActionKind } from '../../../src/domain/ports/action.ts';
import type { OperatorIo } from '../../../src/domain/ports/io.ts';
import type { Service } from '../../../src/domain/service.ts';
import { makeOperatorIo, systemClock, systemRandom } from '../../../src/io/index.ts';
import { recordingLog } from '../quiet-log.ts';
import { startGcpServer, type GcpServer } from './server.ts';
import type { GcpWorld } from './world.ts';

/** The service account that acts. */
export const operator = 'operator@shop-prod.iam.gserviceaccount.com';

/** Hands in a Google Cloud on this machine. */
export interface OperatorWorld {
  readonly server: GcpServer;
  /** A place of a service to act on; waiting takes no time. */
  context(place: GcpPlace, signal?: AbortSignal, timeoutMs?: number): ActionContext;
  close(): Promise<void>;
}

/** Starts a server over the world, with hands that impersonate the operator. */
export async function startOperator(world: GcpWorld): Promise<OperatorWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gcp-'));
  const server = await startGcpServer({ impersonates: [operator], answer: (called) => world.answer(called) });
  writeFileSync(path.join(folder, 'token'), 'subject');
  writeFileSync(path.join(folder, 'credentials.json'), server.credentials(path.join(folder, 'token')));
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path.join(folder, 'credentials.json');
  const io = handsOf(server.url);
  return {
    server,
    context: (place, signal = new AbortController().signal, timeoutMs = 30_000) => ({
      ...{ service: serviceAt(place), io, signal, epoch: 1, timeoutMs },
    }),
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true });
      delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
    },
  };
}

// Time goes by as the code sleeps, so that a wait of minutes is over at once and still ends.
function handsOf(endpoint: string): OperatorIo {
  let sleptMs = 0;
  const clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + sleptMs,
    sleep: (ms: number, signal: AbortSignal) => {
      sleptMs += ms;
      return systemClock.sleep(0, signal);
    },
  };
  const ambient = {
    ...{ clock, random: systemRandom, log: recordingLog() },
    secrets: { resolve: () => Promise.reject(new Error('no secrets here')) },
  };
  const projects = [{ id: 'shop-prod', serviceAccount: operator }];
  return makeOperatorIo(ambient, '/usr/bin', { gcp: [{ source: 'gcp', endpoint, projects }] });
}

/** A declared service that is this one resource. */
export function serviceAt(place: GcpPlace): Service {
  return {
    ...{ name: 'one', labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
    ...{ origin: 'declared', runsOn: [{ on: 'gcp', gcp: place }] },
  };
}

/** An action by its name. */
export function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(`there is no ${name}`);
  return kind;
}
