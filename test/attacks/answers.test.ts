import { afterEach, describe, expect, it } from 'vitest';

import { agentOf, raise, setStage, type Outcome, type Stage } from './stage.ts';

// Each attempt has a world of its own, in which a plan waits for consent; what it tries is tried at the real desk of approvals.
let stage: Stage;
afterEach(() => stage.close());

const approve = { verdict: 'approve' };
const answer = (id: string, as: string, body: unknown = approve): Promise<Outcome> =>
  stage.json(`/api/v1/approvals/${id}`, body, as);
const said = ({ body }: Outcome): string => body;

/** The refusals that the ledger holds, newest last, as "actor: reason". */
async function refusals(): Promise<readonly string[]> {
  const entries = await agentOf(stage.here).ledgerEntries(0, 1_000);
  return entries
    .filter(({ entry }) => entry.type === 'approval-refused' && entry.actor !== 'watchkeeper')
    .map(({ entry, payload }) => `${entry.actor}: ${(payload as { reason?: string } | undefined)?.reason ?? ''}`);
}

/** Tries, and holds that nothing was done by it and that it is in the ledger with its reason. */
async function refused(
  attempt: () => Promise<Outcome>,
  status: number,
  reason: string,
  who = 'cli:ana',
): Promise<void> {
  const before = await stage.done();
  const written = (await refusals()).length;
  const outcome = await attempt();
  expect([outcome.status, said(outcome)]).toEqual([status, expect.stringContaining(reason)]);
  await stage.here.world.clock.advance(0);
  expect(await stage.done()).toEqual(before);
  const all = await refusals();
  expect(all.length).toBe(written + 1);
  expect(all.at(-1)).toBe(`${who}: ${all.at(-1)?.split(': ').slice(1).join(': ') ?? ''}`);
  expect(all.at(-1)).toContain(reason);
}

describe('an answer that does not count is refused with its reason, does nothing, and is in the ledger', () => {
  it('by somebody who is not asked', async () => {
    stage = await setStage();
    await refused(() => answer(stage.waiting.planId, 'operator'), 409, 'is not among those asked', 'token:operator');
    await refused(() => answer(stage.waiting.planId, 'admin'), 409, 'is not among those asked', 'token:admin');
  });

  it('replayed, after it has counted', async () => {
    stage = await setStage();
    expect((await answer(stage.waiting.planId, 'ana')).status).toBe(200);
    await stage.here.world.clock.advance(120_000);
    const effects = stage.here.world.host.effects.length;
    expect(effects).toBeGreaterThan(0);
    await refused(() => answer(stage.waiting.planId, 'ana'), 409, 'already settled');
    await stage.here.world.clock.advance(120_000);
    expect(stage.here.world.host.effects).toHaveLength(effects);
  });

  it('clicked many times at once: one counts, and it is done once', async () => {
    stage = await setStage();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => answer(stage.waiting.planId, 'ana')));
    expect(outcomes.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
    await stage.here.world.clock.advance(120_000);
    expect(stage.ledger().filter(({ type }) => type === 'execution-ended')).toHaveLength(1);
    expect(await refusals()).toHaveLength(9);
  });

  it('after somebody said no', async () => {
    stage = await setStage();
    expect((await answer(stage.waiting.planId, 'ben', { verdict: 'deny' })).status).toBe(200);
    await refused(() => answer(stage.waiting.planId, 'ana'), 409, 'denied');
    expect(stage.here.world.host.effects).toHaveLength(0);
  });

  it('late', async () => {
    stage = await setStage();
    await stage.here.world.clock.advance(11 * 60_000);
    await refused(() => answer(stage.waiting.planId, 'ana'), 409, 'expired');
    expect(stage.here.world.host.effects).toHaveLength(0);
  });

  it('to what another process asked (epoch)', async () => {
    stage = await setStage();
    const { planId } = stage.waiting;
    await stage.close();
    stage.here.world.daemon?.crash();
    await stage.here.world.boot();
    await stage.here.world.clock.advance(1_000);
    const { here } = stage;
    stage = await raise(here);
    expect(agentOf(here).status().resources.ok).toBe(true);
    await refused(() => answer(planId, 'ana'), 409, 'restarted');
    expect(here.world.host.effects).toHaveLength(0);
  });

  it('to a plan that was edited by a digit', async () => {
    stage = await setStage();
    const { planId } = stage.waiting;
    const edited = `${planId.slice(0, -1)}${planId.endsWith('0') ? '1' : '0'}`;
    await refused(() => answer(edited, 'ana'), 404, 'nothing waits');
  });

  it('to too little of a plan to name it', async () => {
    stage = await setStage();
    await refused(() => answer(stage.waiting.planId.slice(0, 7), 'ana'), 404, 'nothing waits');
  });

  it('given on the card of another incident', async () => {
    stage = await setStage();
    const other = { verdict: 'approve', incident: '01900000-0000-7000-8000-000000000000' };
    await refused(() => answer(stage.waiting.planId, 'ana', other), 409, 'incident');
  });

  it('under policies that changed since', async () => {
    stage = await setStage();
    const { world } = stage.here;
    const policy = '/etc/watchkeeper/resources/approve.yaml';
    world.files.set(policy, world.files.text(policy).replace('need: 1', 'need: 2'));
    await world.clock.advance(20_000);
    const planId = stage.waiting.planId;
    await refused(() => answer(planId, 'ana'), 409, 'polic');
    expect(world.host.effects).toHaveLength(0);
  });

  it('by one person twice, where two must agree', async () => {
    stage = await setStage('28-quorum');
    expect((await answer(stage.waiting.planId, 'ana')).status).toBe(200);
    await refused(() => answer(stage.waiting.planId, 'ana'), 409, 'already answered');
    await refused(() => answer(stage.waiting.planId, 'ana', { verdict: 'deny' }), 409, 'already answered');
    await stage.here.world.clock.advance(60_000);
    expect(stage.here.world.host.effects).toHaveLength(0);
  });

  it('by whoever proposed the plan', async () => {
    stage = await setStage();
    const path = `/api/v1/incidents/${stage.waiting.incidentId}/runbook`;
    const chosen = await stage.json(path, { runbook: stage.waiting.runbook }, 'ana');
    expect([chosen.status, said(chosen)]).toEqual([200, said(chosen)]);
    await stage.here.world.clock.advance(1_000);
    const mine = agentOf(stage.here)
      .approvals()
      .find(({ planId }) => planId !== stage.waiting.planId);
    await refused(() => answer(mine?.planId ?? '', 'ana'), 409, 'nobody approves what they proposed');
    expect(stage.here.world.host.effects).toHaveLength(0);
  });
});
