import { describe, expect, it } from 'vitest';

import type { CollectRequest } from '../../../src/domain/ports/source.ts';
import type { SshClient, SshOutcome } from '../../../src/domain/ports/ssh.ts';
import { createRoster } from '../../../src/sources/ssh/roster.ts';
import type { Roster } from '../../../src/sources/ssh/roster.ts';
import { sshConfig } from '../../../src/sources/ssh/schema.ts';
import type { Service } from '../../../src/domain/service.ts';
import { realReader } from '../../support/real-reader.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const never = new AbortController().signal;
const service: Service = {
  name: 'host-web-0',
  labels: {},
  owner: { team: '', escalate: '' },
  dependsOn: [],
  runsOn: [],
  telemetry: {},
  slos: [],
  origin: 'discovered',
};
const request: CollectRequest = {
  ...{ fromMs: 0, untilMs: 30_000, stepMs: 30_000, signals: [], services: [service], mode: 'live' },
};
const failed = (message: string): SshOutcome => ({ is: 'unknown', reason: 'unreachable', message });

/** Hosts whose commands end when the test says so. */
function world(hosts: number): {
  readonly clock: ReturnType<typeof virtualClock>;
  readonly roster: Roster;
  readonly asked: { readonly host: string; readonly atMs: number; readonly end: (message: string) => void }[];
} {
  const clock = virtualClock();
  const asked: ReturnType<typeof world>['asked'] = [];
  const client: SshClient = {
    run: ({ host }) =>
      new Promise((resolve) =>
        asked.push({ host, atMs: clock.monotonicMs(), end: (message) => resolve(failed(message)) }),
      ),
    close: () => undefined,
  };
  const config = sshConfig.parse({
    login: { user: 'watch', keyFile: '/key' },
    knownHosts: [],
    hosts: Object.fromEntries(Array.from({ length: hosts }, (_, index) => [`web-${index}`, {}])),
  });
  if (!config.ok) throw new Error(JSON.stringify(config));
  return { clock, roster: createRoster('fleet', config.value, { ...realReader({}), clock }, client), asked };
}

describe('the hosts of a source', () => {
  it('have an answer that came too late told with the next look, which asks anew all the same', async () => {
    const { clock, roster, asked } = world(1);
    await roster.refresh(never);
    const [one] = roster.all();
    if (one === undefined) throw new Error('there is no host');
    const first = roster.look(one, request, never);
    await clock.advance(5_000);
    expect((await first).flatMap(({ gaps }) => gaps.map(({ reason }) => reason))).toEqual(['timeout']);
    asked[0]?.end('the first');
    await clock.advance(25_000);
    const second = roster.look(one, request, never);
    await clock.advance(0);
    expect(asked.length).toBe(2);
    asked[1]?.end('the second');
    const told = (await second).flatMap(({ gaps }) => gaps.map(({ message }) => message));
    expect(told).toEqual([expect.stringContaining('the first'), expect.stringContaining('the second')]);
    roster.close();
  });

  it('are not asked again while they still owe an answer', async () => {
    const { clock, roster, asked } = world(1);
    await roster.refresh(never);
    const [one] = roster.all();
    if (one === undefined) throw new Error('there is no host');
    for (let round = 0; round < 3; round++) {
      const look = roster.look(one, request, never);
      await clock.advance(5_000);
      await look;
    }
    expect(asked.length).toBe(1);
    roster.close();
  });

  it('are looked at one after the other over a part of the interval, each always at the same time of it', async () => {
    const { clock, roster, asked } = world(200);
    await roster.refresh(never);
    const round = async (): Promise<ReadonlyMap<string, number>> => {
      const beganMs = clock.monotonicMs();
      const looks = roster.all().map((one) => roster.look(one, request, never));
      for (let passed = 0; passed < 20; passed++) {
        await clock.advance(100);
        for (const { end } of asked) end('it is over');
      }
      await Promise.all(looks);
      return new Map(asked.splice(0).map(({ host, atMs }) => [host, atMs - beganMs]));
    };
    const first = await round();
    expect(await round()).toEqual(first);
    const fifths = Map.groupBy(first.values(), (ms) => Math.floor((ms / 1_990) * 5));
    expect([...fifths.values()].every((hosts) => hosts.length > 20)).toBe(true);
    expect(fifths.size).toBe(5);
    roster.close();
  });
});
