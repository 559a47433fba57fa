import { describe, expect, it } from 'vitest';

import { chatOperators, earOf, hear, takeInbound, type HearingOptions } from '../../src/agent/hearing.ts';
import type { Escalation } from '../../src/domain/definitions.ts';
import type { Channel } from '../../src/domain/ports/channel.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const oncall: Escalation = { name: 'oncall', steps: [], approvers: { 'group:oncall': ['slack:U0ANA'] } };
const ana = { id: 'slack:U0ANA', groups: [] };
const eve = { id: 'slack:U0EVE', groups: [] };

function desk(more: Partial<HearingOptions['agent']> = {}, channels: readonly Channel[] = []) {
  const done: string[] = [];
  const clock = virtualClock();
  const log = recordingLog();
  const agent: HearingOptions['agent'] = {
    answer: (about, who, verdict, via) => {
      done.push(`${verdict} ${about} by ${who.id} via ${via}`);
      return Promise.resolve({ is: 'recorded', message: 'Approved.' });
    },
    approvals: () => [],
    status: () => {
      throw new Error('the store is gone');
    },
    incident: () => Promise.resolve(undefined),
    pause: (who, reason) => {
      done.push(`pause by ${who.id}: ${reason}`);
      return Promise.resolve();
    },
    resume: (who, reason) => {
      done.push(`resume by ${who.id}: ${reason}`);
      return Promise.resolve();
    },
    request: (about, request, via) => {
      done.push(
        `${request.what} ${about} by ${request.who.id} via ${via}: ${JSON.stringify({ ...request, who: undefined })}`,
      );
      return Promise.resolve({ is: 'done', message: 'So it is.' });
    },
    refused: (who, what, via, because) => {
      done.push(`refused ${what} of ${who} via ${via}: ${because}`);
      return Promise.resolve();
    },
    ...more,
  };
  const options: HearingOptions = {
    agent,
    escalations: () => new Map([['oncall', oncall]]),
    channels: () => new Map(channels.map((channel) => [channel.id, channel])),
    clock,
    random: seededRandom(1),
    log,
  };
  return { options, done, clock, log, ear: earOf(options, { id: 'slack' }) };
}

describe('who is called back', () => {
  const request = { headers: {}, body: new Uint8Array() };
  const signal = new AbortController().signal;

  it('may be a source that verifies what it is sent', async () => {
    const { options } = desk();
    const receive = () => Promise.resolve({ status: 200, type: 'text/plain' as const, body: 'taken' });
    const sources = [{ id: 'prometheus' }, { id: 'aws', receive }];
    expect(await takeInbound({ ...options, sources }, 'aws', request, signal)).toMatchObject({ body: 'taken' });
    for (const id of ['prometheus', 'nobody'])
      await expect(takeInbound({ ...options, sources }, id, request, signal)).rejects.toMatchObject({
        code: 'not-found',
      });
  });
});

describe('what is said in chat', () => {
  it('is answered under the name of its sender and the channel it came through', async () => {
    const { ear, done } = desk();
    const reply = await ear.answer({ who: ana, about: 'abcdef0123', verdict: 'approve' });
    expect(reply).toEqual({ is: 'recorded', settled: true, message: 'Approved.' });
    expect(done).toEqual(['approve abcdef0123 by slack:U0ANA via chat:slack']);
  });

  it('stops the hand only when it comes from somebody who may answer', async () => {
    const { ear, done } = desk();
    expect(await ear.command('pause I am eve', eve)).toContain('may not pause');
    expect(await ear.command('PAUSE too many restarts', ana)).toContain('Paused');
    expect(done).toEqual([
      'refused pause of slack:U0EVE via chat:slack: slack:U0EVE is in no group that may answer, and may not pause',
      'pause by slack:U0ANA: too many restarts',
    ]);
  });

  it('lets the hand go on only when it comes from an operator of the channel', async () => {
    const { ear, done } = desk();
    expect(await ear.command('resume', ana)).toContain('may not resume');
    expect(await ear.command('resume all is well', { ...ana, groups: [chatOperators] })).toContain('Resumed');
    expect(done).toEqual([
      'refused resume of slack:U0ANA via chat:slack: slack:U0ANA is not among the operators of this channel, and may not resume',
      'resume by slack:U0ANA: all is well',
    ]);
  });

  it.each([
    ['snooze inc-1 30m I am on it', 'snooze', '{"what":"snooze","forMs":1800000,"reason":"I am on it"}'],
    ['snooze inc-1', 'snooze', '{"what":"snooze","forMs":3600000}'],
    ['ack inc-1 on it', 'acknowledge', '{"what":"acknowledge","reason":"on it"}'],
    ['hand-over inc-1', 'hand-over', '{"what":"hand-over"}'],
    ['handover inc-1 sre-leads too hot', 'hand-over', '{"what":"hand-over","to":"sre-leads","reason":"too hot"}'],
    [
      'runbook inc-1 restart wait=3 drain=true',
      'runbook',
      '{"what":"runbook","runbook":"restart","params":{"wait":3,"drain":true}}',
    ],
  ])('asks what was said: %s', async (words, what, request) => {
    const { ear, done } = desk();
    expect(await ear.command(words, ana)).toBe('So it is.');
    expect(done).toEqual([`${what} inc-1 by slack:U0ANA via chat:slack: ${request}`]);
    expect(await ear.command(words, eve)).toContain('may not');
    expect(done[1]).toContain(`refused ${what === 'acknowledge' ? 'ack' : what} of slack:U0EVE`);
    expect(done).toHaveLength(2);
  });

  it.each(['snooze inc-1 soon', 'runbook inc-1', 'runbook inc-1 restart $(reboot)'])(
    'says how it is written, and asks for nothing, when it is not: %s',
    async (words) => {
      const { ear, done } = desk();
      expect(await ear.command(words, ana)).toMatch(/key=value|snooze ID 1h/);
      expect(done).toEqual([]);
    },
  );

  it('gets a sentence back whatever it was, and never an exception', async () => {
    const { ear, log } = desk();
    expect(await ear.command('rm -rf /', eve)).toContain('I know: status');
    expect(await ear.command('', eve)).toContain('I know: status');
    expect(await ear.command('explain nothing', eve)).toContain('There is no incident nothing');
    expect(await ear.command('status', eve)).toContain('could not be done: the store is gone');
    expect(log.lines).toHaveLength(1);
  });
});

describe('listening', () => {
  it('is taken up again after a pause when it breaks, and ends with the daemon', async () => {
    let begun = 0;
    const channel: Channel = {
      id: 'slack',
      kind: 'slack',
      traits: { approvals: true, threads: true, edits: true },
      post: () => Promise.resolve({ is: 'accepted' }),
      listen: () => (++begun < 3 ? Promise.reject(new Error('cut')) : new Promise(() => undefined)),
      check: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const { options, clock, log } = desk({}, [channel]);
    const stop = new AbortController();
    void hear(options, stop.signal);
    await clock.advance(60_000);
    expect(begun).toBe(3);
    expect(log.lines.map(({ message }) => message)).toEqual([
      'a channel cannot be listened to',
      'a channel cannot be listened to',
    ]);
    stop.abort();
  });
});
