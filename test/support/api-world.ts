import { readFileSync } from 'node:fs';
import path from 'node:path';

import { createApp, grantFor, type AppOptions } from '../../src/api/index.ts';
import type { PendingApproval } from '../../src/agent/index.ts';
import type { Role } from '../../src/domain/authority.ts';
import { recordingLog } from './quiet-log.ts';
import { parseWorld } from './world/world-file.ts';
import { runWorld, type World } from './world/world.ts';

/** A real watch over a simulated world in which a bad deploy was found and its rollback waits for consent. */
export interface WaitingWorld {
  readonly world: World;
  readonly waiting: PendingApproval;
  readonly app: ReturnType<typeof createApp>;
  readonly log: ReturnType<typeof recordingLog>;
}

const scenarios = path.resolve(import.meta.dirname, '../scenarios');
const roles: readonly Role[] = ['viewer', 'reporter', 'approver', 'operator', 'admin'];

/** Runs the first minutes of the scenario. Every role has a token: `viewer-token`; `cli:ana` and `cli:ben` have `ana-token`, `ben-token`. */
export async function waitingWorld(more: Partial<AppOptions> = {}, scenario = '29-approved'): Promise<WaitingWorld> {
  const file = parseWorld(readFileSync(path.join(scenarios, scenario, 'world.yaml'), 'utf8'));
  const world = await runWorld({ ...file, lasts: 4 * 60_000, events: file.events.slice(0, 1) });
  const agent = world.daemon?.agent;
  const waiting = agent?.approvals()[0];
  if (agent === undefined || waiting === undefined) throw new Error('nothing waits in this world');
  const log = recordingLog();
  const app = createApp({ agent, grants: grants(), hosts: [], log, clock: world.clock, ...more });
  return { world, waiting, app, log };
}

/** A token for each role, and two for people who are asked. */
export function grants() {
  return [
    ...roles.map((role) => grantFor(`${role}-token`, { id: `token:${role}`, groups: [] }, role)),
    ...['ana', 'ben'].map((name) => grantFor(`${name}-token`, { id: `cli:${name}`, groups: [] }, 'approver')),
  ];
}
