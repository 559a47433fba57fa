import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Service } from '../../../src/domain/service.ts';
import type { Collected, CollectRequest } from '../../../src/domain/ports/source.ts';
import { limits } from '../../../src/lib/limits.ts';
import { cleanText, parseLine } from '../../../src/io/clients/log-line.ts';
import { splitLines } from '../../../src/io/clients/linux/logs/tail.ts';
import { startMachine } from './machine.ts';
import type { Machine, MachineOptions } from './machine.ts';

const now = Date.UTC(2026, 0, 1);

function serviceWith(logs: readonly string[]): Service {
  return {
    name: 'shop',
    labels: {},
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'host', host: { logs } }],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
}

interface Tailing {
  readonly machine: Machine;
  readonly read: (change?: Partial<CollectRequest>) => Promise<Collected>;
  readonly bodies: (change?: Partial<CollectRequest>) => Promise<readonly string[]>;
}

async function tailing(logs: readonly string[], options: MachineOptions = {}): Promise<Tailing> {
  const machine = await startMachine(options);
  const read: Tailing['read'] = (change = {}) =>
    machine.collect({ signals: [], services: [serviceWith(logs)], ...change });
  return { machine, read, bodies: async (change) => (await read(change)).logs.map((record) => record.body) };
}

describe('tailing log files', () => {
  it('reads what is appended after the first look, each line once', async () => {
    const { machine, bodies } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', 'old\n') });
    expect(await bodies()).toEqual([]);
    machine.files.append('/log/app.log', 'one\ntwo\n');
    expect(await bodies()).toEqual(['one', 'two']);
    expect(await bodies()).toEqual([]);
  });

  it('takes recent lines at the first look only by the time they carry', async () => {
    const { bodies } = await tailing(['/log/app.log'], {
      set: (files) => files.set('/log/app.log', '2025-12-31T23:50:00Z early\nno time\n2025-12-31T23:59:30Z recent\n'),
    });
    expect(await bodies({ fromMs: now - 60_000 })).toEqual(['recent']);
  });

  it('keeps a line that is still being written for the next time', async () => {
    const { machine, bodies } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', '') });
    await bodies();
    machine.files.append('/log/app.log', 'half');
    expect(await bodies()).toEqual([]);
    machine.files.append('/log/app.log', ' a line\n');
    expect(await bodies()).toEqual(['half a line']);
  });

  it('follows a rotation by rename: the old file to its end, then the new one from its start', async () => {
    const { machine, read } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', '') });
    await read();
    machine.files.append('/log/app.log', 'read\n');
    await read();
    machine.files.append('/log/app.log', 'last words\n');
    machine.files.rename('/log/app.log', '/log/app.log.1');
    machine.files.set('/log/app.log', 'first of new\n');
    const answer = await read();
    expect(answer.logs.map((record) => record.body)).toEqual(['last words', 'first of new']);
    expect(answer.gaps).toEqual([]);
  });

  it('says so when the rotated file cannot be found', async () => {
    const { machine, read } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', 'x\n') });
    await read();
    machine.files.remove('/log/app.log');
    machine.files.set('/log/app.log', 'new\n');
    const answer = await read();
    expect(answer.logs.map((record) => record.body)).toEqual(['new']);
    expect(answer.gaps.map((gap) => gap.reason)).toEqual(['partial']);
  });

  it('starts again when a file was truncated, and when it was rewritten with more than it held', async () => {
    const { machine, bodies } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', '') });
    await bodies();
    machine.files.set('/log/app.log', 'a long first line\n');
    expect(await bodies()).toEqual(['a long first line']);
    machine.files.set('/log/app.log', 'short\n');
    expect(await bodies()).toEqual(['short']);
    machine.files.set('/log/app.log', 'quite another and longer text\n');
    expect(await bodies()).toEqual(['quite another and longer text']);
  });

  it('says that a file is missing, and reads all of it when it appears', async () => {
    const { machine, read } = await tailing(['/log/app.log']);
    expect((await read()).gaps.map((gap) => [gap.reason, gap.service])).toEqual([['missing', 'shop']]);
    machine.files.set('/log/app.log', 'born\n');
    expect((await read()).logs.map((record) => record.body)).toEqual(['born']);
  });

  it('expands a glob in the last part, leaves compressed files alone, and picks up new files', async () => {
    const { machine, bodies } = await tailing(['/log/*.log*'], {
      set: (files) => {
        files.set('/log/a.log', '');
        files.set('/log/a.log.2.gz', 'zipped');
      },
    });
    await bodies();
    machine.files.append('/log/a.log', 'from a\n');
    machine.files.set('/log/b.log', 'from b\n');
    expect(await bodies()).toEqual(['from a', 'from b']);
  });

  it('joins the lines of a stack trace to the line they belong to', async () => {
    const { machine, bodies } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', '') });
    await bodies();
    machine.files.append('/log/app.log', 'ERROR boom\n\tat a.b(C.java:1)\nCaused by: x\nnext\n');
    expect(await bodies()).toEqual(['ERROR boom\n\tat a.b(C.java:1)\nCaused by: x', 'next']);
  });

  it('reads no more records than the limit at once, says it is late, and loses none', async () => {
    const { machine, read } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', '') });
    await read();
    const total = limits.logRecordsPerCollect + 2_345;
    machine.files.append('/log/app.log', Array.from({ length: total }, (_, n) => `line ${n}\n`).join(''));
    const first = await read();
    expect(first.logs).toHaveLength(limits.logRecordsPerCollect);
    expect(first.gaps.map((gap) => gap.reason)).toEqual(['late']);
    const second = await read();
    expect(second.logs[0]?.body).toBe(`line ${limits.logRecordsPerCollect}`);
    expect(second.logs).toHaveLength(2_345);
    expect(second.gaps).toEqual([]);
  });

  it('cuts a huge line at the limit and goes on with the next', async () => {
    const { machine, bodies } = await tailing(['/log/app.log'], { set: (files) => files.set('/log/app.log', '') });
    await bodies();
    machine.files.append('/log/app.log', `${'x'.repeat(3_000_000)}\nafter\n`);
    const all = [...(await bodies()), ...(await bodies()), ...(await bodies()), ...(await bodies())];
    expect(all.map((body) => body.length)).toEqual([limits.logLineBytes, 5]);
  });

  it('gives the past by the times in the lines, and says where the file does not reach', async () => {
    const { read } = await tailing(['/log/app.log'], {
      set: (files) =>
        files.set('/log/app.log', '2025-12-31T22:00:00Z a\n2025-12-31T23:00:00Z b\n2025-12-31T23:30:00Z c\n', now),
    });
    const answer = await read({ mode: 'history', fromMs: now - 4_000_000, untilMs: now - 2_000_000 });
    expect(answer.logs.map((record) => record.body)).toEqual(['b']);
    expect(answer.gaps).toEqual([]);
  });
});

describe('reading one line', () => {
  const cases: readonly (readonly [string, string, string | undefined, string])[] = [
    ['2025-12-31T23:59:00Z ERROR db gone', 'error', '2025-12-31T23:59:00.000Z', 'ERROR db gone'],
    ['[2025-12-31T23:59:00.250+01:00] warn: slow', 'warn', '2025-12-31T22:59:00.250Z', 'warn: slow'],
    ['<11>1 2025-12-31T23:00:00Z web app 1 - - broken', 'error', '2025-12-31T23:00:00.000Z', 'web app 1 - - broken'],
    [
      '1.2.3.4 - - [31/Dec/2025:23:58:00 +0000] "GET / HTTP/1.1" 502 12',
      'error',
      '2025-12-31T23:58:00.000Z',
      '1.2.3.4',
    ],
    ['1.2.3.4 - - [31/Dec/2025:23:58:00 +0000] "GET / HTTP/1.1" 200 12', 'info', '2025-12-31T23:58:00.000Z', '1.2.3.4'],
    ['E0102 15:04:05.000000 1 main.go:1] failed', 'error', undefined, 'E0102'],
    ['level=warning msg="disk slow"', 'warn', undefined, 'level=warning'],
    ['0 errors found, all fine', 'info', undefined, '0 errors'],
    ['TypeError: x is not a function', 'error', undefined, 'TypeError'],
    ['panic: runtime error', 'fatal', undefined, 'panic'],
    ['{"time":1767225540000,"level":50,"msg":"kaput","code":7}', 'error', '2025-12-31T23:59:00.000Z', 'kaput'],
    ['{"ts":1767225540.5,"level":"warn","message":"hm"}', 'warn', '2025-12-31T23:59:00.500Z', 'hm'],
    [
      '{"@timestamp":"2025-12-31T23:59:00Z","log.level":"DEBUG","message":"m"}',
      'debug',
      '2025-12-31T23:59:00.000Z',
      'm',
    ],
    ['{"level":"info","err":{"message":"inner"}}', 'info', undefined, 'inner'],
    ['{broken json} ERROR', 'error', undefined, '{broken'],
    ['2099-01-01T00:00:00Z from the future', 'info', undefined, '2099'],
  ];
  it.each(cases)('%s is %s', (line, severity, iso, body) => {
    const parsed = parseLine(line, now);
    expect(parsed.severity).toBe(severity);
    expect(parsed.tMs === undefined ? undefined : new Date(parsed.tMs).toISOString()).toBe(iso);
    expect(parsed.body.startsWith(body), parsed.body).toBe(true);
  });

  it('keeps flat JSON members as attributes, and not the message twice', () => {
    expect(parseLine('{"msg":"m","user":"u","n":1,"deep":{"a":1}}', now).attributes).toEqual({ user: 'u', n: '1' });
  });

  it('takes the year that syslog leaves out from now, also across new year', () => {
    const parsed = parseLine('Dec 31 12:00:00 web app[1]: hello', now);
    expect(new Date(parsed.tMs ?? 0).getFullYear()).toBe(2025);
  });

  it('survives any bytes: whatever arrives is text within the limit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        const text = cleanText(bytes);
        parseLine(text, now);
        expect(text.isWellFormed()).toBe(true);
        expect(/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)).toBe(false);
      }),
    );
    expect(Buffer.byteLength(cleanText(new Uint8Array(limits.logLineBytes).fill(0xff)))).toBeLessThanOrEqual(
      limits.logLineBytes,
    );
  });

  it('loses and invents no line, however the bytes are cut up', () => {
    const line = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !text.includes('\n'));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 30 })), (lines, cuts) => {
        const bytes = new TextEncoder().encode(lines.map((text) => `${text}\n`).join(''));
        const seen: string[] = [];
        let offset = 0;
        let end = 0;
        for (const cut of [...cuts, bytes.length]) {
          end = Math.min(bytes.length, end + cut);
          const split = splitLines(bytes.subarray(offset, end), false, Infinity);
          seen.push(...split.lines.map((one) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(one)));
          offset += split.used;
        }
        expect(seen).toEqual(lines);
      }),
    );
  });
});
