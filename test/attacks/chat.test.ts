import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { earOf } from '../../src/agent/hearing.ts';
import { createApp } from '../../src/api/index.ts';
import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, Ear, InboundRequest } from '../../src/domain/ports/channel.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { realReader } from '../support/real-reader.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { signed, startSlack, type SlackServer } from '../support/slack-server.ts';
import { parseWorld, type WorldFile } from '../support/world/world-file.ts';
import { runWorld, type World } from '../support/world/world.ts';

// Attacks on the way from chat to the hand: Slack in HTTP mode, before a real agent with a plan that waits for consent. None
// may act, and each must stand in the ledger.

const minute = 60_000;
const secret = 'signing-secret';
const never = new AbortController().signal;
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
  approvers: { 'group:oncall': ['slack:U0ANA', 'slack:U0BEN'] }
`,
};

let slack: SlackServer;
let world: World;
let channel: Channel;
let ear: Ear;
beforeEach(async () => {
  slack = await startSlack();
  world = await runWorld(waiting);
  const log = recordingLog();
  const io = realReader({ BOT: 'xoxb-right', SIGNING: secret }, log);
  const config = { botToken: { env: 'BOT' }, signingSecret: { env: 'SIGNING' }, apiUrl: slack.apiUrl };
  const opened = channelKinds(() => undefined)['slack']?.open('slack', config, io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  channel = opened.value;
  const { agent, composed } = world.daemon!;
  ear = earOf(
    {
      agent,
      escalations: () => composed.watch.resources().escalations,
      channels: () => new Map(),
      ...{ clock: world.clock, random: seededRandom(1), log },
    },
    channel,
  );
});
afterEach(() => slack.close());

interface Facts {
  readonly plan: string;
  readonly incident: string;
}

const facts = (): Facts => {
  const [pending] = world.daemon!.agent.approvals();
  return { plan: pending?.planId ?? '', incident: pending?.incidentId ?? '' };
};
const refusals = () =>
  world.recorded.filter(({ draft }) => draft.type === 'approval-refused' || draft.type === 'request-refused');
const form = (payload: object): string => new URLSearchParams({ payload: JSON.stringify(payload) }).toString();

interface Press {
  readonly action?: string;
  readonly value?: string;
  readonly user?: unknown;
  readonly team?: string;
  readonly block?: string;
  readonly option?: string;
}

/** A press as Slack sends it; what is not said is as it should be. */
function press({ plan, incident }: Facts, more: Press = {}): string {
  const { action = 'watchkeeper.approve', value = plan, team = 'T0HOME', block = `incident:${incident}` } = more;
  return form({
    type: 'block_actions',
    team: { id: team },
    user: more.user ?? { id: 'U0ANA', team_id: 'T0HOME' },
    trigger_id: 't',
    container: { channel_id: 'C1', message_ts: '1.1' },
    message: { ts: '1.1', text: 'x', blocks: [] },
    actions: [
      {
        ...{ action_id: action, value, block_id: block },
        ...(more.option === undefined ? {} : { selected_option: { value: more.option } }),
      },
    ],
  });
}

const words = (text: string, user = 'U0EVE', team = 'T0HOME'): string =>
  new URLSearchParams({ team_id: team, user_id: user, channel_id: 'C1', text }).toString();
const submitted = (metadata: string, user = 'U0EVE', runbook = 'roll-back-bad-deploy'): string =>
  form({
    type: 'view_submission',
    team: { id: 'T0HOME' },
    user: { id: user, team_id: 'T0HOME' },
    view: {
      callback_id: 'watchkeeper.runbook-form',
      private_metadata: metadata,
      state: { values: { runbook: { runbook: { selected_option: { value: runbook } } } } },
    },
  });
const good = (body: string): InboundRequest => signed(secret, Date.now(), body);

/** Sends it, and lets both worlds come to rest: Slack's, in which time passes, and ours, in which it is made to. */
async function send(request: InboundRequest, settled: () => boolean = () => false): Promise<number> {
  const reply = await channel.receive?.(request, ear, never);
  for (let turn = 0; turn < 40 && !settled(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    await world.clock.advance(1_000);
  }
  return reply?.status ?? 0;
}

/** Nothing was done, nobody paused or resumed anything, the question stands, and there is one more refusal in the ledger. */
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

describe('what Slack did not sign', () => {
  it.each<[string, (body: string) => InboundRequest]>([
    ['no signature', (body) => ({ ...good(body), headers: { 'content-type': 'application/x-www-form-urlencoded' } })],
    ['a signature under another secret', (body) => signed('another', Date.now(), body)],
    ['a signature under no secret', (body) => signed('', Date.now(), body)],
    [
      'a signature of an older version',
      (body) => withHeader(good(body), 'x-slack-signature', (v) => v.replace('v0=', 'v1=')),
    ],
    ['a signature in capitals', (body) => withHeader(good(body), 'x-slack-signature', (v) => v.toUpperCase())],
    ['a signature that is cut', (body) => withHeader(good(body), 'x-slack-signature', (v) => v.slice(0, -1))],
    ['a time that is older than five minutes', (body) => signed(secret, Date.now() - 301_000, body)],
    ['a time that is yet to come', (body) => signed(secret, Date.now() + 302_000, body)],
    [
      'another time than was signed',
      (body) => withHeader(good(body), 'x-slack-request-timestamp', (v) => String(Number(v) + 1)),
    ],
    ['a time that is no number', (body) => withHeader(good(body), 'x-slack-request-timestamp', () => 'NaN')],
    ['a body that was changed', (body) => ({ ...good(body), body: Buffer.from(body.replace('U0ANA', 'U0BEN')) })],
    ['a body with something behind it', (body) => ({ ...good(body), body: Buffer.from(`${body}&x=1`) })],
    ['the signature of another body', (body) => ({ ...good('x=1'), body: Buffer.from(body) })],
  ])('%s', async (_what, request) => {
    await refusedAndLogged(request(press(facts())));
  });

  it('what it signed, sent a second time', async () => {
    const request = good(press(facts(), { user: { id: 'U0EVE', team_id: 'T0HOME' } }));
    await refusedAndLogged(request);
    expect(await channel.receive?.(request, ear, never)).toMatchObject({ status: 401 });
    await refusedAndLogged(request);
  });
});

function withHeader(request: InboundRequest, name: string, change: (value: string) => string): InboundRequest {
  return { ...request, headers: { ...request.headers, [name]: change(request.headers[name] ?? '') } };
}

describe('who may not answer', () => {
  it.each<[string, Press]>([
    ['somebody whom no escalation names', { user: { id: 'U0EVE', team_id: 'T0HOME' } }],
    ['an id in small letters', { user: { id: 'u0ana', team_id: 'T0HOME' } }],
    ['an id with a space behind it', { user: { id: 'U0ANA ', team_id: 'T0HOME' } }],
    ['an id with a letter that looks alike', { user: { id: 'U0АNA', team_id: 'T0HOME' } }],
    ['a press from another workspace', { team: 'T0EVIL' }],
    ['a guest from another workspace in a shared channel', { user: { id: 'U0ANA', team_id: 'T0EVIL' } }],
    ['a press on behalf of another team', { user: { id: 'U0ANA', user_team: 'T0EVIL' } }],
  ])('%s', async (_who, more) => {
    await refusedAndLogged(good(press(facts(), more)));
  });

  it.each([
    ['consent by command', 'approve PLAN'],
    ['a veto by command', 'deny PLAN'],
    ['putting off', 'snooze INCIDENT 24h'],
    ['handing over', 'hand-over INCIDENT'],
    ['having it', 'ack INCIDENT'],
    ['another runbook', 'runbook INCIDENT roll-back-bad-deploy'],
    ['the kill switch', 'pause I can'],
    ['letting it act again', 'resume I can'],
  ])('%s of a stranger', async (_what, text) => {
    const { plan, incident } = facts();
    await refusedAndLogged(good(words(text.replace('PLAN', plan).replace('INCIDENT', incident))));
  });

  it('letting it act again, by somebody who may answer and is no operator', async () => {
    await refusedAndLogged(good(words('resume all is well', 'U0ANA')));
  });

  it('a command from another workspace', async () => {
    await refusedAndLogged(good(words(`approve ${facts().plan}`, 'U0ANA', 'T0EVIL')));
  });

  it('a form sent by a stranger', async () => {
    await refusedAndLogged(good(submitted(facts().incident)));
  });
});

describe('what may not be answered so', () => {
  it.each<[string, (at: Facts) => Press]>([
    ['a plan that nobody made', ({ plan }) => ({ value: `0000${plan.slice(4)}` })],
    ['a plan that was edited', ({ plan }) => ({ value: `${plan.slice(0, -1)}${plan.endsWith('0') ? '1' : '0'}` })],
    ['no plan', () => ({ value: '' })],
    ['a plan by too few letters', ({ plan }) => ({ value: plan.slice(0, 7) })],
    ['every plan', () => ({ value: '*' })],
    ['a plan with a path in it', () => ({ value: '../../approvals' })],
    ['a member of every object', () => ({ value: '__proto__' })],
    ['a plan from the card of another incident', () => ({ block: 'incident:another-incident' })],
    [
      'a button of another incident on this card',
      () => ({ action: 'watchkeeper.hand-over', value: 'another-incident' }),
    ],
    [
      'a snooze of another incident on this card',
      () => ({ action: 'watchkeeper.snooze', option: 'another-incident 4h' }),
    ],
    ['a snooze for ever', ({ incident }) => ({ action: 'watchkeeper.snooze', option: `${incident} 9999d` })],
  ])('%s', async (_what, more) => {
    await refusedAndLogged(good(press(facts(), more(facts()))));
  });

  it.each([
    ['to somebody whom no escalation names', 'hand-over INCIDENT email:eve@evil.example'],
    ['another runbook that does not match', 'runbook INCIDENT restart-crashed-service'],
    ['a runbook with a parameter nobody declared', 'runbook INCIDENT roll-back-bad-deploy command=reboot'],
    ['a runbook that is a path', 'runbook INCIDENT ../../etc/passwd'],
  ])('%s', async (_what, text) => {
    await refusedAndLogged(good(words(text.replace('INCIDENT', facts().incident), 'U0ANA')));
  });

  it('a form whose incident was put in by somebody', async () => {
    await refusedAndLogged(good(submitted('another-incident', 'U0ANA')));
  });

  it('an answer that comes too late', async () => {
    const { plan, incident } = facts();
    await world.clock.advance(30 * minute);
    const before = refusals().length;
    await send(good(press({ plan, incident })), () => refusals().length > before);
    expect(world.host.effects).toEqual([]);
    expect(refusals().length).toBeGreaterThan(before);
  });

  it('an answer to a plan in whose place there is another', async () => {
    const { plan, incident } = facts();
    const ben = { id: 'slack:U0BEN', groups: [] };
    const chosen = world.daemon!.agent.request(
      incident,
      { what: 'runbook', who: ben, runbook: 'roll-back-bad-deploy', params: { timeout: '7m' } },
      'test',
    );
    await world.clock.advance(1_000);
    expect(await chosen).toMatchObject({ is: 'done' });
    await refusedAndLogged(good(press({ plan, incident })));
    // Nor may who proposed the new one consent to it.
    await refusedAndLogged(good(press(facts(), { user: { id: 'U0BEN', team_id: 'T0HOME' } })));
  });

  it('an answer to a question that was asked before a restart', async () => {
    const { plan, incident } = facts();
    world.daemon!.crash();
    await world.boot();
    await world.clock.advance(minute);
    const { agent } = world.daemon!;
    const answer = agent.answer(plan, { id: 'slack:U0ANA', groups: [] }, 'approve', 'chat:slack', undefined, incident);
    await world.clock.advance(1_000);
    expect(await answer).toMatchObject({ is: 'refused' });
    expect(world.host.effects).toEqual([]);
    expect(refusals().at(-1)?.draft).toMatchObject({
      type: 'approval-refused',
      actor: 'slack:U0ANA',
      payload: { reason: expect.stringContaining('restarted') as string },
    });
  });
});

describe('what is no answer at all', () => {
  it.each<[string, () => string]>([
    ['nothing', () => ''],
    ['no JSON', () => 'payload=%7B'],
    ['a list', () => 'payload=%5B%5D'],
    ['deep nesting', () => `payload=${encodeURIComponent('['.repeat(5_000) + ']'.repeat(5_000))}`],
    ['a press of nobody', () => press(facts(), { user: {} })],
    ['a press by something that is no text', () => press(facts(), { user: { id: ['U0ANA'] } })],
    ['a button that we do not have', () => press(facts(), { action: 'watchkeeper.reboot' })],
    ['an empty button', () => press(facts(), { action: '' })],
    ['words that are no command', () => words('rm -rf /', 'U0ANA')],
  ])('%s changes nothing, and is in the ledger', async (_what, body) => {
    await refusedAndLogged(good(body()));
  });

  it('a GET changes nothing, whatever stands in it', async () => {
    const { agent } = world.daemon!;
    const app = createApp({ agent, grants: [], hosts: [], log: recordingLog(), clock: world.clock });
    const body = press(facts());
    const before = refusals().length;
    for (const address of [
      `/hooks/slack?${body}`,
      `/hooks/slack/${facts().plan}`,
      `/hooks/slack?approve=${facts().plan}`,
    ])
      expect((await app.request(address)).status).toBe(404);
    await world.clock.advance(0);
    expect(world.host.effects).toEqual([]);
    expect(refusals().length).toBe(before + 3);
  });
});

describe('what counts, counts once', () => {
  it('ten presses at the same time are one consent and one act', async () => {
    const at = facts();
    const presses = Array.from({ length: 10 }, (_, n) => signed(secret, Date.now() - n * 1_000, press(at)));
    for (const request of presses) void channel.receive?.(request, ear, never);
    for (let turn = 0; turn < 100 && world.host.effects.length < 2; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await world.clock.advance(1_000);
    }
    expect(world.host.effects.map(({ what }) => what)).toEqual(['linked', 'killed']);
    expect(world.recorded.filter(({ draft }) => draft.type === 'approval')).toHaveLength(1);
    expect(refusals().length).toBeGreaterThanOrEqual(9);
  });
});
