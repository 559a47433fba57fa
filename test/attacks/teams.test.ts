import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { earOf } from '../../src/agent/hearing.ts';
import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, Ear, InboundRequest } from '../../src/domain/ports/channel.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { realReader } from '../support/real-reader.ts';
import { seededRandom } from '../support/seeded-random.ts';
import {
  appSecret,
  botConfig,
  startTeamsBot,
  tenant,
  type TeamsBotServer,
  type TokenOptions,
} from '../support/teams-bot-server.ts';
import { parseWorld, type WorldFile } from '../support/world/world-file.ts';
import { runWorld, type World } from '../support/world/world.ts';

// Attacks by way of the Teams bot, before a real agent with a plan that waits for consent. None may act, and each must stand in
// the ledger.

const minute = 60_000;
const never = new AbortController().signal;
const ana = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const eve = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';
const asked = parseWorld(readFileSync(path.join(import.meta.dirname, '../scenarios/29-approved/world.yaml'), 'utf8'));
const waiting: WorldFile = {
  ...asked,
  lasts: 4 * minute,
  events: asked.events.filter((event) => event.approve === undefined),
  use: asked.use.filter((name) => name !== 'oncall'),
  resources: `kind: Escalation
metadata: { name: oncall }
spec:
  steps: [{ notify: ['people:ana'], wait: 5m }, { notify: ['people:ben'] }]
  approvers: { 'group:oncall': ['teams:${ana}'] }
`,
};

let teams: TeamsBotServer;
let world: World;
let channel: Channel;
let ear: Ear;
beforeEach(async () => {
  teams = await startTeamsBot();
  world = await runWorld(waiting);
  const log = recordingLog();
  const io = realReader({ SECRET: appSecret }, log);
  const opened = channelKinds(() => undefined)['teams-bot']?.open('teams', botConfig(teams.url), io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  channel = opened.value;
  const { agent, composed } = world.daemon!;
  const escalations = () => composed.watch.resources().escalations;
  ear = earOf(
    { agent, escalations, channels: () => new Map(), clock: world.clock, random: seededRandom(1), log },
    channel,
  );
});
afterEach(() => teams.close());

const facts = () => {
  const [pending] = world.daemon!.agent.approvals();
  return { plan: pending?.planId ?? '', incident: pending?.incidentId ?? '' };
};
const refusals = () =>
  world.recorded.filter(({ draft }) => draft.type === 'approval-refused' || draft.type === 'request-refused');

/** A press as Teams sends it; what is not said is as it should be. */
function press(said: object = {}, person: string = ana, more: object = {}): Record<string, unknown> {
  const data = { watchkeeper: { verdict: 'approve', ...facts(), ...said } };
  const from = { aadObjectId: person };
  return { type: 'invoke', name: 'adaptiveCard/action', from, value: { action: { data } }, ...more };
}

/** Sends it, and lets both worlds come to rest. */
async function send(request: InboundRequest, settled: () => boolean): Promise<void> {
  void channel.receive?.(request, ear, never);
  for (let turn = 0; turn < 60 && !settled(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    await world.clock.advance(1_000);
  }
}

async function refusedAndLogged(request: InboundRequest): Promise<void> {
  const before = { refused: refusals().length, plan: facts().plan };
  await send(request, () => refusals().length > before.refused);
  expect(world.host.effects).toEqual([]);
  expect(world.daemon!.agent.status().paused).toBeUndefined();
  expect(facts().plan).toBe(before.plan);
  expect(refusals().length).toBeGreaterThan(before.refused);
  for (const type of ['approval', 'snoozed', 'handed-over', 'acknowledged', 'resumed'])
    expect(world.recorded.filter(({ draft }) => draft.type === type)).toEqual([]);
}

describe('a press in Teams that may not count', () => {
  it.each<[string, () => Record<string, unknown>, TokenOptions?]>([
    ['under a forged token', () => press(), { key: 'forged' }],
    ['under a token that has expired', () => press(), { expiresInS: -600 }],
    ['under a token for another bot', () => press(), { claims: { aud: tenant } }],
    ['from another tenant', () => press({}, ana, { channelData: { tenant: { id: eve } } })],
    ['of somebody whom no escalation names', () => press({}, eve)],
    ['of a plan from the card of another incident', () => press({ incident: 'another-incident' })],
    ['of a plan that nobody made', () => press({ plan: `0000${facts().plan.slice(4)}` })],
    ['of a plan by too few letters', () => press({ plan: facts().plan.slice(0, 7) })],
    ['of a member of every object', () => press({ plan: '__proto__' })],
  ])('%s', async (_what, activity, options) => {
    await refusedAndLogged(await teams.sends(activity(), options));
  });

  it('because it came before', async () => {
    const request = await teams.sends(press({}, eve));
    await refusedAndLogged(request);
    await refusedAndLogged(request);
    expect(JSON.stringify(refusals().at(-1)?.draft)).toContain('it came before');
  });
});

describe('a command in Teams that may not count', () => {
  const said = (text: string, person = eve) => {
    const { plan, incident } = facts();
    const words = text.replace('PLAN', plan).replace('INCIDENT', incident);
    return teams.sends({ text: `<at>Watchkeeper</at> ${words}`, from: { aadObjectId: person } });
  };
  it.each(['approve PLAN', 'deny PLAN', 'snooze INCIDENT 24h', 'ack INCIDENT', 'pause I can', 'resume I can'])(
    '%s of a stranger',
    async (text) => {
      await refusedAndLogged(await said(text));
    },
  );

  it('resume of somebody who may answer and is no operator', async () => {
    await refusedAndLogged(await said('resume all is well', ana));
  });
});

it('a press in Teams of somebody who may answer is one consent, however often it is made', async () => {
  const requests = await Promise.all(Array.from({ length: 5 }, () => teams.sends(press())));
  for (const request of requests) void channel.receive?.(request, ear, never);
  const consents = () => world.recorded.filter(({ draft }) => draft.type === 'approval');
  await send(await teams.sends(press()), () => world.host.effects.length > 0);
  expect(consents()).toHaveLength(1);
  expect(world.host.effects).not.toEqual([]);
});
