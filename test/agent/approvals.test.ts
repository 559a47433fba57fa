import { beforeEach, describe, expect, it } from 'vitest';

import { createApprovals, type Answer, type Approvals } from '../../src/agent/approvals/index.ts';
import type { PendingApproval } from '../../src/agent/views.ts';
import type { ApprovalRequirement, Decision } from '../../src/domain/authority.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Plan } from '../../src/domain/remediation.ts';
import { diskLedger, diskStore, emptyDisk, type Disk } from '../support/memory-store.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { virtualClock, type VirtualClock } from '../support/virtual-clock.ts';
import { plan as somePlan } from '../policy/world.ts';

const requirement: ApprovalRequirement = {
  from: ['group:oncall'],
  need: 1,
  notSelf: true,
  expiresMs: 15 * 60_000,
  then: ['group:leads'],
  finally: 'suggest',
};

interface Desk {
  readonly clock: VirtualClock;
  readonly disk: Disk;
  readonly approvals: Approvals;
  readonly lapsed: string[];
  readonly proceeded: string[];
  policyDigest: string;
  readonly withdrawn: string[];
  /** What going on with consent fails by. */
  fault?: Error;
  begun: boolean;
  now: Decision;
  outcome: Decision['outcome'];
  plan: Plan;
}

function makeDesk(disk: Disk = emptyDisk(), epoch = 1): Desk {
  const clock = virtualClock();
  const desk = {
    clock,
    disk,
    lapsed: [],
    proceeded: [],
    withdrawn: [],
    begun: false,
    policyDigest: 'p1',
    outcome: 'allow',
  } as unknown as Desk & {
    approvals: Approvals;
  };
  const now = clock.nowMs();
  desk.plan = { ...somePlan(), createdAtMs: now, expiresAtMs: now + 3_600_000, proposedBy: 'watchkeeper' };
  disk.epoch = epoch;
  desk.approvals = createApprovals({
    clock,
    random: seededRandom(1),
    store: diskStore(disk),
    ledger: diskLedger(disk, epoch),
    epoch,
    groups: () => ({ 'group:oncall': ['cli:ana', 'cli:bo'], 'group:leads': ['cli:lea'] }),
    policyDigest: () => desk.policyDigest,
    plan: (id) => (id === desk.plan.id ? desk.plan : undefined),
    proceed: (plan) => {
      desk.proceeded.push(plan.id);
      if (desk.fault) return Promise.reject(desk.fault);
      return Promise.resolve({
        decision: { outcome: desk.outcome, reasons: ['as the test says'] } as unknown as Decision,
        executionId: 'x1',
      });
    },
    begun: () => desk.begun,
    reconsider: () => Promise.resolve(desk.now),
    withdrawn: (_pending, because) => {
      desk.withdrawn.push(because);
      return Promise.resolve();
    },
    log: recordingLog(),
    lapsed: (_pending, because) => {
      desk.lapsed.push(because);
      return Promise.resolve();
    },
    noteRefusal: (draft) =>
      diskLedger(disk, epoch)
        .record({ drafts: [draft] })
        .then(() => undefined),
    counted: () => undefined,
  });
  return desk;
}

const by = (id: string, more: Partial<Answer> = {}): Answer => ({
  about: '',
  who: { id, groups: ['group:oncall', 'group:leads'] },
  verdict: 'approve',
  via: 'test',
  ...more,
});
const typesIn = (disk: Disk): readonly string[] => disk.entries.map((entry) => entry.type);

describe('the desk at which consent is taken', () => {
  let desk: Desk;
  let pending: PendingApproval;
  beforeEach(async () => {
    desk = makeDesk();
    pending = await desk.approvals.request(desk.plan, requirement);
  });
  const say = (answer: Answer): ReturnType<Approvals['answer']> =>
    desk.approvals.answer({ ...answer, about: pending.planId });

  it('takes one approval of somebody asked, carries the plan out, and keeps both in the ledger', async () => {
    expect(await say(by('cli:ana'))).toMatchObject({ is: 'recorded', executionId: 'x1' });
    expect(desk.proceeded).toEqual([desk.plan.id]);
    expect(desk.approvals.of(desk.plan.id)).toMatchObject({ status: 'granted', because: 'approved by cli:ana' });
    expect(typesIn(desk.disk)).toEqual(['approval-requested', 'approval']);
  });
  it('finds the plan by a prefix of its id or by the incident, and by nothing shorter than eight characters', async () => {
    expect(await desk.approvals.answer({ ...by('cli:ana'), about: desk.plan.id.slice(0, 7) })).toMatchObject({
      is: 'refused',
    });
    expect(await desk.approvals.answer({ ...by('cli:ana'), about: desk.plan.id.slice(0, 8) })).toMatchObject({
      is: 'recorded',
    });
  });
  it('believes its own groups, never those that the answer claims', async () => {
    expect(await say(by('cli:mallory'))).toMatchObject({
      is: 'refused',
      message: expect.stringContaining('not among those asked') as string,
    });
    expect(desk.proceeded).toEqual([]);
    expect(typesIn(desk.disk)).toContain('approval-refused');
  });
  it('lets the first denial settle it: an approval afterwards is too late', async () => {
    expect(await say(by('cli:ana', { verdict: 'deny' }))).toMatchObject({ is: 'recorded' });
    expect(await say(by('cli:bo'))).toMatchObject({
      is: 'refused',
      message: expect.stringContaining('denied') as string,
    });
    expect(desk.proceeded).toEqual([]);
    expect(desk.lapsed).toEqual(['cli:ana said no']);
  });
  it('counts a double click once', async () => {
    desk.outcome = 'require-approval';
    await say(by('cli:ana'));
    expect(await say(by('cli:ana'))).toMatchObject({ is: 'refused', message: 'cli:ana has already answered' });
  });
  it('refuses a replay after it was granted', async () => {
    await say(by('cli:ana'));
    expect(await say(by('cli:bo'))).toMatchObject({
      is: 'refused',
      message: expect.stringContaining('already settled') as string,
    });
    expect(desk.proceeded).toHaveLength(1);
  });
  it('takes two answers at the same instant one after the other', async () => {
    const [first, second] = await Promise.all([say(by('cli:ana')), say(by('cli:bo'))]);
    expect([first.is, second.is].sort()).toEqual(['recorded', 'refused']);
    expect(desk.proceeded).toHaveLength(1);
  });
  it('does not take consent to what has changed since: policies, or an expired plan', async () => {
    desk.policyDigest = 'p2';
    expect(await say(by('cli:ana'))).toMatchObject({
      is: 'refused',
      message: expect.stringContaining('policies changed') as string,
    });
    desk.policyDigest = 'p1';
    desk.plan = { ...desk.plan, expiresAtMs: desk.clock.nowMs() };
    expect(await say(by('cli:ana'))).toMatchObject({
      is: 'refused',
      message: expect.stringContaining('expired') as string,
    });
  });
  it('lets nobody approve what they proposed, but lets them say no', async () => {
    desk.plan = { ...desk.plan, proposedBy: 'cli:ana' };
    expect(await say(by('cli:ana'))).toMatchObject({ is: 'refused', message: 'nobody approves what they proposed' });
    expect(await say(by('cli:ana', { verdict: 'deny' }))).toMatchObject({ is: 'recorded' });
  });
  it('asks the next group when nobody answers, then lapses; a late answer is refused', async () => {
    expect(await say(by('cli:lea'))).toMatchObject({ is: 'refused' });
    await desk.clock.advance(requirement.expiresMs);
    await desk.approvals.tick();
    expect(desk.approvals.of(desk.plan.id)).toMatchObject({ status: 'waiting', rung: 1 });
    await desk.clock.advance(requirement.expiresMs);
    await desk.approvals.tick();
    expect(desk.approvals.of(desk.plan.id)).toMatchObject({ status: 'expired' });
    expect(desk.lapsed[0]).toContain('nobody answered in time');
    expect(await say(by('cli:lea'))).toMatchObject({ is: 'refused' });
  });
  it('passes on what policy says now: a denial after consent stops it', async () => {
    desk.outcome = 'deny';
    expect(await say(by('cli:ana'))).toMatchObject({
      is: 'refused',
      message: expect.stringContaining('policy denies it now') as string,
    });
    expect(desk.approvals.of(desk.plan.id)).toMatchObject({ status: 'void' });
  });
  it('voids after a restart what was asked under another epoch', async () => {
    const next = makeDesk(desk.disk, 2);
    await next.approvals.resume();
    expect(next.approvals.of(pending.planId)).toMatchObject({ status: 'void' });
    expect(await next.approvals.answer({ ...by('cli:ana'), about: pending.planId })).toMatchObject({ is: 'refused' });
    expect(next.proceeded).toEqual([]);
  });
  it('voids it too when more were settled since than are kept in memory', async () => {
    const row = desk.disk.rows.get(`approval\n${pending.planId}`)!;
    for (let n = 0; n < 1_500; n++) {
      const key = `zz${n}`;
      const value = { ...pending, planId: key, status: 'granted', requestedAtMs: n } as never;
      desk.disk.rows.set(`approval\n${key}`, { ...row, key, value });
    }
    const next = makeDesk(desk.disk, 2);
    await next.approvals.resume();
    expect(next.approvals.of(pending.planId)).toMatchObject({ status: 'void' });
    expect(next.approvals.all()).toHaveLength(1_000);
  });
});

describe('consent that could not be gone on with', () => {
  let desk: Desk;
  let pending: PendingApproval;
  beforeEach(async () => {
    desk = makeDesk();
    pending = await desk.approvals.request(desk.plan, requirement);
    desk.fault = new WatchkeeperError('store-failed', 'the disk is full');
  });
  const answer = () => desk.approvals.answer({ ...by('cli:ana'), about: pending.planId });
  const status = () => desk.approvals.of(pending.planId)?.status;

  it('is kept, said to be kept, and gone on with by itself when the fault is over', async () => {
    expect(await answer()).toMatchObject({ is: 'recorded', message: expect.stringContaining('tried again') as string });
    expect(status()).toBe('waiting');
    await desk.approvals.tick();
    await desk.approvals.tick();
    // Not at every tick: the fault may need a while to pass.
    expect(desk.proceeded).toHaveLength(2);
    delete desk.fault;
    await desk.clock.advance(5_000);
    await desk.approvals.tick();
    expect(status()).toBe('granted');
    await desk.clock.advance(5_000);
    await desk.approvals.tick();
    expect(desk.proceeded).toHaveLength(3);
  });

  it('is not begun twice when only the note of it was lost', async () => {
    await answer();
    desk.begun = true;
    await desk.approvals.tick();
    expect(status()).toBe('granted');
    expect(desk.proceeded).toHaveLength(1);
  });

  it('is over when its incident is, and says so', async () => {
    desk.fault = new WatchkeeperError('conflict', 'the incident is over');
    expect(await answer()).toEqual({ is: 'refused', message: 'Recorded, but the incident is over' });
    expect(status()).toBe('void');
  });

  it('ends as unanswered when the fault outlasts it', async () => {
    await answer();
    await desk.clock.advance(requirement.expiresMs);
    await desk.approvals.tick();
    await desk.clock.advance(requirement.expiresMs);
    await desk.approvals.tick();
    expect(status()).toBe('expired');
    expect(desk.lapsed).toHaveLength(1);
  });

  it('is void after a restart, and whoever gave it hears so', async () => {
    await answer();
    const next = makeDesk(desk.disk, 2);
    await next.approvals.resume();
    expect(next.approvals.of(pending.planId)?.status).toBe('void');
    expect(next.withdrawn).toEqual([expect.stringContaining('the daemon restarted')]);
  });
});

describe('a change of the policies while people are asked', () => {
  const asks = (approval: ApprovalRequirement): Decision =>
    ({ outcome: 'require-approval', reasons: ['ask'], approval, policyDigest: 'p2' }) as unknown as Decision;
  it('leaves a question that stays the same, and takes its answer under the new ones', async () => {
    const desk = makeDesk();
    const pending = await desk.approvals.request(desk.plan, requirement);
    desk.policyDigest = 'p2';
    desk.now = asks(requirement);
    await desk.approvals.tick();
    expect(desk.withdrawn).toEqual([]);
    expect(await desk.approvals.answer({ ...by('cli:ana'), about: pending.planId })).toMatchObject({ is: 'recorded' });
    expect(desk.approvals.of(pending.planId)?.approvals[0]?.policyDigest).toBe('p2');
  });

  it.each([
    ['asks others', asks({ ...requirement, from: ['group:leads'] })],
    ['allows it', { outcome: 'allow', reasons: ['it is allowed'], policyDigest: 'p2' } as unknown as Decision],
    ['denies it', { outcome: 'deny', reasons: ['never'], policyDigest: 'p2' } as unknown as Decision],
  ])('voids the question once, and says so, when the new set %s', async (_what, now) => {
    const desk = makeDesk();
    const pending = await desk.approvals.request(desk.plan, requirement);
    desk.policyDigest = 'p2';
    desk.now = now;
    await desk.approvals.tick();
    await desk.approvals.tick();
    expect(desk.approvals.of(pending.planId)?.status).toBe('void');
    expect(desk.withdrawn).toEqual([expect.stringContaining('the policies changed since it was asked')]);
    expect(typesIn(desk.disk).at(-1)).toBe('approval-refused');
  });

  it('voids a question that somebody has answered in part: that consent was to other policies', async () => {
    const desk = makeDesk();
    const two = { ...requirement, need: 2 };
    const pending = await desk.approvals.request(desk.plan, two);
    desk.outcome = 'require-approval';
    await desk.approvals.answer({ ...by('cli:ana'), about: pending.planId });
    desk.policyDigest = 'p2';
    desk.now = asks(two);
    await desk.approvals.tick();
    expect(desk.approvals.of(pending.planId)?.status).toBe('void');
  });
});
