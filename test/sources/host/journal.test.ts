import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Service } from '../../../src/domain/service.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { limits } from '../../../src/lib/limits.ts';
import { routing, toLog } from '../../../src/io/clients/linux/journal/route.ts';
import type { JournalRecord } from '../../../src/io/clients/linux/journal/file.ts';
import { readJournalFile } from '../../../src/io/clients/linux/journal/file.ts';
import { decodeLz4Block } from '../../../src/io/clients/linux/journal/lz4.ts';
import type { Pages } from '../../../src/io/clients/linux/journal/pages.ts';
import { startMachine } from './machine.ts';
import type { Machine } from './machine.ts';

const fixture = (name: string): Uint8Array =>
  gunzipSync(readFileSync(path.join(import.meta.dirname, 'fixtures', `${name}.journal.gz`)));
const start = 1_767_225_600_000;
const all = { sinceMs: 0, untilMs: Infinity, max: 10_000 };

function pagesOf(bytes: Uint8Array): Pages {
  return {
    bytes: (offset, length) =>
      offset + length <= bytes.length
        ? Promise.resolve(bytes.subarray(offset, offset + length))
        : Promise.reject(new WatchkeeperError('malformed', 'beyond the end')),
  };
}

describe.each(['compact', 'regular'])('a %s journal file written by systemd', (layout) => {
  const bytes = fixture(layout);

  it('gives every entry in order, with its time and its fields, compressed ones too', async () => {
    const { records, more } = await readJournalFile(pagesOf(bytes), undefined, all);
    expect(records).toHaveLength(300);
    expect(more).toBe(false);
    expect(records.map((record) => record.tMs)).toEqual(Array.from({ length: 300 }, (_, n) => start + n * 1_000));
    expect(records[1]?.fields.get('MESSAGE')).toBe('request 1 done');
    expect(records[50]?.fields.get('MESSAGE')).toBe(`ERROR payment failed: ${'x'.repeat(2_000)}`);
    expect(records[90]?.fields.get('MESSAGE')).toBe('line one\nline two \uFFFD\u0000 end');
  });

  it('begins at the first entry that is new enough, and stops at the last that is old enough', async () => {
    for (const from of [0, 1, 7, 149, 299, 300]) {
      const range = { sinceMs: start + from * 1_000, untilMs: start + 299_500, max: 10_000 };
      const { records } = await readJournalFile(pagesOf(bytes), undefined, range);
      expect(records).toHaveLength(300 - from);
    }
    const middle = { sinceMs: start + 9_500, untilMs: start + 20_500, max: 10_000 };
    expect((await readJournalFile(pagesOf(bytes), undefined, middle)).records).toHaveLength(11);
  });

  it('goes on exactly where it stopped, whatever the portions', async () => {
    const seen: number[] = [];
    let cursor: Parameters<typeof readJournalFile>[1];
    for (let portion = 0; portion < 100; portion++) {
      const read = await readJournalFile(pagesOf(bytes), cursor, { ...all, max: 7 });
      seen.push(...read.records.map((record) => record.tMs));
      cursor = read.cursor;
      if (!read.more) break;
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => start + n * 1_000));
  });

  it('meets any corruption with entries or a named error, and always ends', async () => {
    const used = 4 * 1024 * 1024;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(fc.oneof(fc.nat(300), fc.nat(used), fc.integer({ min: 3_500_000, max: used })), fc.nat(255)),
          {
            minLength: 1,
            maxLength: 40,
          },
        ),
        async (mutations) => {
          const saved = mutations.map(([at]) => [at, bytes[at] ?? 0] as const);
          for (const [at, byte] of mutations) bytes[at] = byte;
          try {
            const { records } = await readJournalFile(pagesOf(bytes), undefined, { ...all, max: 400 });
            expect(records.length).toBeLessThanOrEqual(400);
          } catch (thrown) {
            expect(['malformed', 'unsupported', 'too-large']).toContain(WatchkeeperError.from(thrown).code);
          } finally {
            for (const [at, byte] of saved.reverse()) bytes[at] = byte;
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('LZ4 blocks', () => {
  // Made by the reference implementation (python lz4 4.x, high compression).
  it.each([
    ['EGE=', 'a'],
    ['P2FiYwMACVBiY2FiYw==', 'abc'.repeat(12)],
    ['H3gBAP/////////CUHggZW5k', `${'x'.repeat(2_000)} end`],
  ])('decodes %s', (base64, text) => {
    const block = new Uint8Array(Buffer.from(base64, 'base64'));
    expect(new TextDecoder().decode(decodeLz4Block(block, text.length, 10_000))).toBe(text);
    expect(() => decodeLz4Block(block, text.length + 1, 10_000)).toThrow('LZ4');
    expect(() => decodeLz4Block(block, text.length, text.length - 1)).toThrow();
  });

  it('refuses any garbage with an error, never with a crash or without end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(1_000), (bytes, size) => {
        try {
          expect(decodeLz4Block(bytes, size, 1_000)).toHaveLength(size);
        } catch (thrown) {
          expect(WatchkeeperError.from(thrown).code).toBe('malformed');
        }
      }),
    );
  });
});

const folder = `/var/log/journal/${'a'.repeat(32)}`;
const shop: Service = {
  name: 'shop',
  labels: {},
  owner: { team: '', escalate: '' },
  dependsOn: [],
  runsOn: [{ on: 'host', host: { unit: 'shop.service' } }],
  telemetry: {},
  slos: [],
  origin: 'declared',
};

function read(machine: Machine, fromMs: number, services = [machine.host, shop]) {
  return machine.collect({ signals: [], services, fromMs, untilMs: start + 400_000 });
}

describe('the journal as a source of logs', () => {
  it("gives a unit's lines to its service, and errors of others and kernel warnings to the machine", async () => {
    const machine = await startMachine({ set: (files) => files.set(`${folder}/system.journal`, fixture('compact')) });
    const { logs, gaps } = await read(machine, start);
    expect(gaps).toEqual([]);
    expect(logs.filter((record) => record.service === 'shop')).toHaveLength(199);
    const ofHost = logs.filter((record) => record.service === machine.host.name);
    expect(ofHost.map((record) => [record.body, record.severity])).toEqual([
      ['disk error', 'error'],
      ['oom-kill: constraint', 'warn'],
    ]);
    const failed = logs.find((record) => record.body.startsWith('ERROR payment'));
    expect(failed).toMatchObject({ severity: 'error', attributes: { 'systemd.unit': 'shop.service' } });
    expect(logs.some((record) => record.body === 'Started shop.service' && record.service === 'shop')).toBe(true);
    expect((await read(machine, start)).logs, 'each entry once').toEqual([]);
  });

  it('reads nothing twice when journald renames a full file', async () => {
    const machine = await startMachine({ set: (files) => files.set(`${folder}/system.journal`, fixture('compact')) });
    await read(machine, start);
    machine.files.rename(`${folder}/system.journal`, `${folder}/system@1-2-3.journal`);
    machine.files.set(`${folder}/system.journal`, fixture('regular'));
    expect((await read(machine, start + 290_000)).logs.length).toBeGreaterThan(0);
    expect((await read(machine, start)).logs).toEqual([]);
  });

  it('names a corrupt file malformed and reads the others', async () => {
    const machine = await startMachine({
      set: (files) => {
        files.set(`${folder}/system.journal`, fixture('compact'));
        files.set(`${folder}/user-1000.journal`, 'not a journal at all');
      },
    });
    const { logs, gaps } = await read(machine, start, [shop]);
    expect(logs).toHaveLength(199);
    expect(gaps.map((gap) => [gap.reason, gap.service])).toEqual([['malformed', 'shop']]);
  });

  it('says what to do when the journal may not be read, and unsupported where there is none', async () => {
    const machine = await startMachine({ set: (files) => files.set(`${folder}/system.journal`, fixture('compact')) });
    machine.files.fail(folder, new WatchkeeperError('forbidden', 'EACCES'));
    const refused = (await read(machine, start, [shop])).gaps;
    expect(refused.map((gap) => gap.reason)).toEqual(['unauthorized']);
    expect(refused[0]?.message).toContain('systemd-journal');
    const without = await startMachine();
    expect((await read(without, start, [shop])).gaps.map((gap) => gap.reason)).toEqual(['unsupported']);
  });
});

describe('people who take more rights', () => {
  const route = routing([], 'web-1');
  const host = { ...route, host: 'host-web-1' };
  const entry = (fields: Record<string, string>): JournalRecord => ({
    tMs: 1,
    fields: new Map(Object.entries({ PRIORITY: '5', SYSLOG_IDENTIFIER: 'sudo', ...fields })),
  });
  const told = (fields: Record<string, string>): readonly string[] =>
    toLog(entry(fields), host, { source: 'host', nowMs: 2, fromMs: 0 }).map(
      ({ service, body }) => `${service}: ${body}`,
    );

  it('are context of the machine: who, and what they ran', () => {
    const MESSAGE = 'dana : TTY=pts/0 ; PWD=/home/dana ; USER=root ; COMMAND=/usr/bin/vim /etc/shop.conf';
    expect(told({ MESSAGE })).toEqual([`host-web-1: ${MESSAGE}`]);
  });

  it.each([
    ['a program without a terminal', { MESSAGE: 'hand : PWD=/ ; USER=root ; COMMAND=/usr/bin/systemctl restart shop' }],
    ['an unknown terminal', { MESSAGE: 'hand : TTY=unknown ; PWD=/ ; USER=root ; COMMAND=/bin/true' }],
    ['what PAM says beside it', { MESSAGE: 'pam_unix(sudo:session): session opened for user root by dana(uid=1000)' }],
    ['another program that says the same', { SYSLOG_IDENTIFIER: 'evil', MESSAGE: 'x : TTY=pts/0 ; COMMAND=/bin/sh' }],
  ])('%s is not', (_what, fields) => {
    expect(told(fields)).toEqual([]);
  });
});

describe('more records than one read gives', () => {
  it('leaves the oldest out, of files and journal alike, and says of whom, how many and from when', async () => {
    const path = '/log/shop.log';
    const machine = await startMachine({
      set: (files) => {
        files.set(path, '');
        files.set(`${folder}/system.journal`, fixture('compact'));
      },
    });
    const places = [{ on: 'host', host: { unit: 'shop.service', logs: [path] } }] as const;
    const both: Service = { ...shop, runsOn: places };
    await read(machine, start + 399_000, [both]);
    machine.files.set(`${folder}/other.journal`, fixture('regular'));
    const stamped = (n: number): string => `${new Date(start + 120_000 + n).toISOString()} line ${n}\n`;
    machine.files.append(path, Array.from({ length: limits.logRecordsPerCollect }, (_, n) => stamped(n)).join(''));
    const { logs, gaps } = await read(machine, start, [both]);
    expect(logs).toHaveLength(limits.logRecordsPerCollect);
    const dropped = gaps.filter((gap) => gap.reason === 'too-large');
    expect(dropped).toMatchObject([{ service: 'shop', signal: 'logs', source: logs[0]?.source }]);
    const count = Number(/^(\d+) log records were left out/.exec(dropped[0]?.message ?? '')?.[1]);
    expect(count).toBe(199);
    expect(dropped[0]?.fromMs).toBeLessThanOrEqual(start + 2_000);
    const oldestKept = Math.min(...logs.map((record) => record.tMs));
    expect(dropped[0]?.untilMs).toBeLessThanOrEqual(oldestKept);
    expect(
      logs.some((record) => record.attributes['systemd.unit'] !== undefined),
      'the newest of both',
    ).toBe(true);
  });
});
