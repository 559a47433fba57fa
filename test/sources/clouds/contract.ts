import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Collected, Source } from '../../../src/domain/ports/source.ts';
import type { Service } from '../../../src/domain/service.ts';
import type { GapReason } from '../../../src/domain/telemetry.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Front, Reply, Trouble } from './front.ts';

/** A cloud on this machine, its source over its own SDK and HTTP, and how it says what every cloud can say. */
export interface Cloud {
  readonly source: Source;
  readonly front: Front;
  /** Two services; each has one signal, `state`, which can be read. */
  readonly services: readonly [Service, Service];
  /** Whether a call is about the second of them alone. */
  readonly isAboutSecond: (path: string, body: string) => boolean;
  readonly says: {
    /** Credentials that were good, and are not any more. */
    readonly expired: Reply;
    /** The time of this machine is not that of the cloud. */
    readonly skewed: Reply;
    readonly forbidden: Reply;
    readonly throttled: Reply;
    /** The region, or the service in it, is away. */
    readonly away: Reply;
  };
  close(): Promise<void>;
}

interface Ill {
  readonly title: string;
  readonly trouble: (cloud: Cloud) => Trouble;
  readonly reason: GapReason;
  /** What must be said, so that people know what to do. */
  readonly words: RegExp;
}

const ills: readonly Ill[] = [
  { title: 'credentials have expired', trouble: ({ says }) => says.expired, reason: 'unauthorized', words: /expired/ },
  {
    title: 'clocks differ',
    trouble: ({ says }) => says.skewed,
    reason: 'unauthorized',
    words: /clock of this machine/,
  },
  { title: 'a right is missing', trouble: ({ says }) => says.forbidden, reason: 'unauthorized', words: /\w{10}/ },
  { title: 'it is throttled', trouble: ({ says }) => says.throttled, reason: 'rate-limited', words: /\w{5}/ },
  { title: 'the region is away', trouble: ({ says }) => says.away, reason: 'unreachable', words: /\w{5}/ },
  { title: 'connections are cut in an answer', trouble: () => 'cut', reason: 'unreachable', words: /\w{5}/ },
  {
    title: 'an answer is half of one',
    trouble: () => ({ status: 200, body: '{"services": [{"name": "web"' }),
    ...{ reason: 'malformed', words: /\w{5}/ },
  },
  {
    title: 'a proxy answers with a page',
    trouble: () => ({ status: 200, body: '<html><b>Sign in</b></html>', headers: { 'content-type': 'text/html' } }),
    ...{ reason: 'malformed', words: /\w{5}/ },
  },
];

/**
 * What the source of every cloud promises of the wire below it: whatever goes wrong there is a gap of the signals concerned, with
 * the same reason in every cloud and in words that help; never a sample, never a throw, and over when it is over.
 */
export function cloudContract(name: string, open: () => Promise<Cloud>): void {
  describe(`the source of ${name}, over HTTP`, () => {
    let cloud: Cloud;
    beforeAll(async () => {
      cloud = await open();
    });
    afterAll(async () => {
      await cloud.source.close();
      await cloud.close();
    });

    it('reads both services', async () => {
      const answer = await look(cloud);
      expect(read(answer)).toEqual(cloud.services.map((one) => one.name));
      expect(answer.gaps).toEqual([]);
    });

    for (const { title, trouble, reason, words } of ills)
      it(`says ${reason} of every signal when ${title}, gives no sample, and reads again when that is over`, async () => {
        cloud.front.befall(trouble(cloud));
        const answer = await look(cloud);
        expect(read(answer)).toEqual([]);
        for (const service of cloud.services) {
          const gaps = answer.gaps.filter((gap) => gap.service === service.name && gap.signal === 'state');
          expect(gaps.map((gap) => gap.reason)).toEqual([reason]);
          expect(gaps[0]?.message).toMatch(words);
          expect(gaps[0]?.message).not.toMatch(/[\n\r\u001b]/);
        }
        cloud.front.befall();
        await untilRead(cloud);
      }, 60_000);

    it('keeps what befalls one service to that one', async () => {
      cloud.front.befall(cloud.says.forbidden, cloud.isAboutSecond);
      const answer = await look(cloud);
      const [first, second] = cloud.services;
      expect(read(answer)).toEqual([first.name]);
      expect(new Set(answer.gaps.map((gap) => gap.service))).toEqual(new Set([second.name]));
      cloud.front.befall();
      await untilRead(cloud);
    }, 60_000);

    it('stops at once when it is told to while an answer does not come', async () => {
      cloud.front.befall('silence');
      const stop = new AbortController();
      const before = cloud.front.calls();
      const looking = look(cloud, stop.signal);
      looking.catch(() => undefined);
      await expect.poll(() => cloud.front.calls(), { timeout: 10_000 }).toBeGreaterThan(before);
      const sinceMs = performance.now();
      stop.abort();
      await expect(looking).rejects.toSatisfy((thrown) => WatchkeeperError.from(thrown).code === 'aborted');
      expect(performance.now() - sinceMs).toBeLessThan(5_000);
      cloud.front.befall();
    }, 60_000);
  });
}

function look({ source, services }: Cloud, signal = new AbortController().signal): Promise<Collected> {
  const untilMs = Date.now();
  const signals = services.flatMap(({ name: service, telemetry }) =>
    Object.entries(telemetry).map(([one, binding]) => ({ service, signal: one, binding })),
  );
  const stretch = { fromMs: untilMs - 900_000, untilMs, stepMs: 60_000 };
  return source.collect({ ...stretch, signals, services, mode: 'live' }, signal);
}

function read({ series }: Collected): readonly string[] {
  return series.filter(({ samples }) => samples.length > 0).map(({ service }) => service);
}

// A cloud that throttled is left alone for a while first.
async function untilRead(cloud: Cloud): Promise<void> {
  await expect.poll(async () => read(await look(cloud)), { timeout: 30_000 }).toHaveLength(2);
}
