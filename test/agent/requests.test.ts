import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import type { CaseRequest } from '../../src/agent/index.ts';
import type { RequestResult } from '../../src/agent/views.ts';
import { parseWorld, type WorldFile } from '../support/world/world-file.ts';
import { runWorld, type World } from '../support/world/world.ts';

const minute = 60_000;
const scenarios = path.join(import.meta.dirname, '../scenarios');
const worldOf = (name: string): WorldFile => parseWorld(readFileSync(path.join(scenarios, name, 'world.yaml'), 'utf8'));
/** A bad deploy for which consent is asked at 3m 45s; nobody answers. */
const asked: WorldFile = { ...worldOf('29-approved'), lasts: 4 * minute };
const waiting: WorldFile = { ...asked, events: asked.events.filter((event) => event.approve === undefined) };

const ana = { id: 'cli:ana', groups: [] };

async function ask(world: World, request: CaseRequest, about?: string): Promise<RequestResult> {
  const agent = world.daemon!.agent;
  const [incident] = agent.status().incidents;
  const answer = agent.request(about ?? incident!.id, request, 'test');
  await world.clock.advance(1_000);
  return answer;
}

const heardBy = (world: World, who: string, kind?: string): readonly number[] =>
  world.heard
    .filter(({ address, notice }) => address === who && (kind === undefined || notice.kind === kind))
    .map(({ atMs }) => atMs - world.startMs);
const entries = (world: World, type: string) => world.recorded.filter(({ draft }) => draft.type === type);

describe('putting an incident off', () => {
  it('keeps the next rung from being called until then, and calls it afterwards', async () => {
    const world = await runWorld(waiting);
    expect(heardBy(world, 'ana', 'approval-needed')).toHaveLength(1);
    const done = await ask(world, { what: 'snooze', who: ana, forMs: 20 * minute, reason: 'I am on it' });
    expect(done).toMatchObject({ is: 'done' });
    expect(entries(world, 'snoozed')).toMatchObject([
      { draft: { actor: 'cli:ana', payload: { reason: 'I am on it' } } },
    ]);
    await world.clock.advance(19 * minute);
    expect(heardBy(world, 'ben')).toEqual([]);
    await world.clock.advance(2 * minute);
    expect(heardBy(world, 'ben').length).toBeGreaterThan(0);
  });

  it('outlives a restart', async () => {
    const world = await runWorld(waiting);
    await ask(world, { what: 'snooze', who: ana, forMs: 30 * minute });
    world.daemon!.crash();
    await world.boot();
    await world.clock.advance(25 * minute);
    expect(heardBy(world, 'ben')).toEqual([]);
    await world.clock.advance(15 * minute);
    expect(heardBy(world, 'ben').length).toBeGreaterThan(0);
  });

  it('ends when the incident becomes graver, and says so in the ledger', async () => {
    const world = await runWorld(waiting);
    await ask(world, { what: 'snooze', who: ana, forMs: 60 * minute });
    const { state } = world.daemon!.composed.watch;
    const [incident] = state().incidents;
    // As it was put off when it was a warning.
    const rows = world.disk.rows.get('diagnosis')!;
    const row = rows.get(incident!.id)!;
    const file = row.value as unknown as { snooze: object };
    world.daemon!.crash();
    rows.set(incident!.id, { ...row, value: { ...file, snooze: { ...file.snooze, severity: 'warning' } } });
    await world.boot();
    await world.clock.advance(10 * minute);
    expect(entries(world, 'snooze-ended')).toMatchObject([{ draft: { payload: { because: 'it became critical' } } }]);
    expect(heardBy(world, 'ben').length).toBeGreaterThan(0);
  });

  it.each([0, 1_000, 25 * 60 * minute, Number.NaN])(
    'is refused for %d ms, which is outside its bounds',
    async (forMs) => {
      const world = await runWorld(waiting);
      expect(await ask(world, { what: 'snooze', who: ana, forMs })).toMatchObject({ is: 'refused' });
      expect(entries(world, 'request-refused')).toMatchObject([
        { draft: { actor: 'cli:ana', body: { request: 'snooze' } } },
      ]);
    },
  );

  it('is refused for an incident that is not there', async () => {
    const world = await runWorld(waiting);
    const result = await ask(world, { what: 'snooze', who: ana, forMs: minute }, 'nothing-here');
    expect(result).toEqual({ is: 'refused', message: 'no open incident is called nothing-here' });
  });
});

describe('handing an incident over', () => {
  it('calls whoever comes next, now', async () => {
    const world = await runWorld(waiting);
    expect(await ask(world, { what: 'hand-over', who: ana })).toMatchObject({ is: 'done' });
    expect(heardBy(world, 'ben')[0]).toBeLessThan(4 * minute + 2_000);
    expect(entries(world, 'handed-over')).toMatchObject([
      { draft: { actor: 'cli:ana', payload: { to: 'the next rung' } } },
    ]);
  });

  it('calls the person that is named, with the same question, and the ladder again when nobody answers', async () => {
    const world = await runWorld(waiting);
    expect(await ask(world, { what: 'hand-over', who: ana, to: 'people:cto', reason: 'yours' })).toMatchObject({
      is: 'done',
    });
    const heard = world.heard.find(({ address }) => address === 'cto');
    expect(heard?.notice.kind).toBe('approval-needed');
    expect(heard?.notice.lines[0]).toBe('cli:ana handed it over: yours');
    await world.clock.advance(6 * minute);
    expect(heardBy(world, 'ana', 'approval-needed')).toHaveLength(2);
  });

  it('writes to nobody whom no escalation names', async () => {
    const world = await runWorld(waiting);
    const result = await ask(world, { what: 'hand-over', who: ana, to: 'people:mallory' });
    expect(result).toMatchObject({ is: 'refused' });
    expect(result.message).toContain('there are: default, oncall');
    expect(heardBy(world, 'mallory')).toEqual([]);
    expect(entries(world, 'request-refused')).toHaveLength(1);
  });

  it('ends a snooze', async () => {
    const world = await runWorld(waiting);
    await ask(world, { what: 'snooze', who: ana, forMs: 60 * minute });
    await ask(world, { what: 'hand-over', who: ana });
    expect(heardBy(world, 'ben').length).toBeGreaterThan(0);
  });
});

describe('having an incident', () => {
  it('ends the calling, keeps the question open, and is in the ledger', async () => {
    const world = await runWorld(waiting);
    expect(await ask(world, { what: 'acknowledge', who: ana, reason: 'in PagerDuty' })).toMatchObject({ is: 'done' });
    expect(entries(world, 'acknowledged')).toMatchObject([
      { draft: { actor: 'cli:ana', payload: { reason: 'in PagerDuty' } } },
    ]);
    expect(world.daemon!.agent.approvals()).toHaveLength(1);
    await world.clock.advance(4 * minute);
    expect(heardBy(world, 'ben', 'nothing-matched')).toEqual([]);
    expect(heardBy(world, 'ben', 'approval-needed')).toEqual([]);
  });
});

describe('choosing another runbook', () => {
  it('makes a new plan in the chooser’s name and asks anew; who chose it may not consent to it', async () => {
    const world = await runWorld(waiting);
    const [before] = world.daemon!.agent.approvals();
    const result = await ask(world, {
      what: 'runbook',
      who: ana,
      runbook: 'roll-back-bad-deploy',
      params: { timeout: '7m' },
    });
    expect(result).toMatchObject({
      is: 'done',
      decision: { outcome: 'require-approval' },
      plan: { proposedBy: 'cli:ana' },
    });
    const [now] = world.daemon!.agent.approvals();
    expect(now?.planId).toBe(result.plan?.id);
    expect(now?.planId).not.toBe(before?.planId);
    const own = await world.daemon!.agent.answer(now!.planId, ana, 'approve', 'test');
    expect(own).toEqual({ is: 'refused', message: 'nobody approves what they proposed' });
    const old = await world.daemon!.agent.answer(before!.planId, ana, 'approve', 'test');
    expect(old).toMatchObject({
      is: 'refused',
      message: 'this was already settled: void (a newer plan took its place)',
    });
    expect(world.host.effects).toEqual([]);
    const other = world.daemon!.agent.answer(now!.planId, { id: 'cli:ben', groups: [] }, 'approve', 'test');
    await world.clock.advance(30_000);
    expect(await other).toMatchObject({ is: 'recorded' });
    expect(world.host.effects.map(({ what }) => what)).toContain('linked');
  });

  it.each([
    ['there is none of that name', 'rm-rf', {}, 'there is no runbook rm-rf'],
    ['it does not match', 'restart-crashed-service', {}, 'restart-crashed-service does not match'],
    ['a parameter is not what it takes', 'roll-back-bad-deploy', { timeout: '9h' }, 'no plan can be made'],
    ['a parameter is unknown', 'roll-back-bad-deploy', { command: 'reboot' }, 'no plan can be made'],
  ])('is refused when %s, and the question that waits stays', async (_how, runbook, params, because) => {
    const world = await runWorld(waiting);
    const [before] = world.daemon!.agent.approvals();
    const result = await ask(world, { what: 'runbook', who: ana, runbook, params });
    expect(result).toMatchObject({ is: 'refused' });
    expect(result.message).toContain(because);
    expect(world.daemon!.agent.approvals()[0]?.planId).toBe(before?.planId);
    expect(entries(world, 'request-refused')).toMatchObject([{ draft: { actor: 'cli:ana' } }]);
  });
});

describe('what is refused', () => {
  it('fills the ledger only so far, and what was left out is counted', async () => {
    const world = await runWorld(waiting);
    const { agent } = world.daemon!;
    for (let n = 0; n < 100; n++) await agent.refused('slack:U0EVE', 'approve', 'chat:slack', 'forged');
    expect(entries(world, 'request-refused')).toHaveLength(30);
    // Somebody else is heard meanwhile, and what one address sends does not silence another.
    await agent.refused('cli:eve', 'pause', 'api', 'no right');
    await agent.refused('nobody', 'GET /x', 'api', 'no', '10.0.0.7');
    expect(entries(world, 'request-refused')).toHaveLength(32);
    await world.clock.advance(minute);
    expect(entries(world, 'request-refused').at(-1)?.draft).toMatchObject({
      actor: 'watchkeeper',
      body: { request: 'many', refused: 70, sources: 1 },
      payload: { sources: [{ who: 'slack:U0EVE', refused: 70, last: 'forged' }] },
    });
  });

  it('fills it only so far by names that are made up, by answers, and in an hour', async () => {
    const world = await runWorld(waiting);
    const { agent } = world.daemon!;
    const at = (): number => entries(world, 'request-refused').length + entries(world, 'approval-refused').length;
    for (let n = 0; n < 3_000; n++) await agent.refused(`slack:U0${n}`, 'approve', 'chat:slack', 'forged');
    expect(at()).toBe(60);
    await world.clock.advance(minute);
    expect(at()).toBe(61);
    expect(entries(world, 'request-refused').at(-1)?.draft.body).toMatchObject({ refused: 2_940, sources: 941 });
    for (let n = 0; n < 100; n++) await agent.answer('ffffffffffff', { id: 'cli:eve', groups: [] }, 'approve', 'test');
    expect(at()).toBe(91);
    for (let minutes = 0; minutes < 40; minutes++) {
      for (let n = 0; n < 70; n++) await agent.refused(`slack:U${n % 3}`, 'approve', 'chat:slack', 'forged');
      await world.clock.advance(minute);
    }
    const first = at();
    // 600 one by one in an hour, and one summary each of its minutes.
    expect(first).toBeGreaterThan(600);
    expect(first).toBeLessThan(660);
  });

  it('an answer from the card of another incident does not count', async () => {
    const world = await runWorld(waiting);
    const { agent } = world.daemon!;
    const [pending] = agent.approvals();
    const ben = { id: 'cli:ben', groups: [] };
    expect(await agent.answer(pending!.planId, ben, 'approve', 'test', undefined, 'another')).toMatchObject({
      is: 'refused',
      message: 'it was given on the card of another incident',
    });
    expect(world.host.effects).toEqual([]);
  });
});
