import { writeFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { WatchkeeperError } from '../../src/lib/errors.ts';
import { cli, root, temporaryFolder } from './support.ts';

describe('the command line', () => {
  it.each([
    [['--help'], 0],
    [[], 0],
    [['--version'], 0],
    [['status', '--help'], 0],
    [['nonsense'], 2],
    [['statsu'], 2],
    [['status', 'too', 'many'], 2],
    [['status', '--output', 'xml'], 2],
    [['resume'], 2],
    [['incidents', '--limit', 'many'], 2],
    [['plan', 'r', '--service', 's', '--param', 'novalue'], 2],
    [['status', '--url', 'not a url'], 2],
    [['status'], 3],
    [['new', 'dragon', 'x'], 2],
    [['new', 'detector', 'Not A Name'], 2],
    [['schema', 'polciy'], 2],
    [['ledger', 'verify', '/nowhere'], 5],
    [['backtest', '/nowhere', '--out', '/tmp/x'], 5],
    [['ledger', 'receipt-verify', '/nowhere', '--vkey', 'k'], 5],
  ])('%j exits %i', async (argv, code) => {
    const ran = await cli(argv);
    expect([ran.code, ran.err === '' || code !== 0]).toEqual([code, true]);
    if (code !== 0) expect(ran.err).toMatch(/^watchkeeper: /);
  });

  it('says what to do about it, in words and as JSON', async () => {
    const text = await cli(['status']);
    expect(text.err).toMatch(/^watchkeeper: no daemon runs with the data folder .*\nfix: Start one/);
    const json = await cli(['status', '--output', 'json']);
    expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'unreachable' } });
    expect((await cli(['statsu'])).err).toContain('Did you mean status?');
  });

  it('tells a daemon that is gone from one that does not know the token', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'token'), 'wrong-token\n');
    const options = ['--url', 'http://127.0.0.1:9', '--token-file', 'token'];
    const answering = (status: number, body: string) => ({
      request: () => Promise.resolve({ status, headers: {}, body: new TextEncoder().encode(body) }),
    });
    const gone = await cli(['status', ...options], { cwd });
    expect([gone.code, gone.err]).toEqual([
      3,
      expect.stringContaining('the daemon at http://127.0.0.1:9 does not answer'),
    ]);
    const unknown = await cli(['status', ...options], { cwd, http: answering(401, '{}') });
    expect([unknown.code, unknown.err]).toEqual([4, expect.stringContaining('does not know this token')]);
    const stranger = await cli(['status', ...options], { cwd, http: answering(502, '<html>\u001b[2J') });
    expect([stranger.code, stranger.err]).toEqual([2, expect.stringContaining('not as a daemon does')]);
    const ours = JSON.stringify({ code: 'not-found', detail: 'no incident \u001b[2Jx', fix: 'List them.' });
    const missing = await cli(['explain', 'x', ...options], { cwd, http: answering(404, ours) });
    expect([missing.code, missing.err]).toEqual([5, 'watchkeeper: no incident [2Jx\nfix: List them.\n']);
    const refusal = JSON.stringify({ is: 'refused', message: 'nothing waits' });
    const refused = await cli(['approve', 'x', ...options], { cwd, http: answering(409, refusal) });
    expect([refused.code, refused.err]).toEqual([1, 'watchkeeper: nothing waits\n']);
  });

  it('colours only a terminal, and not when NO_COLOR asks', async () => {
    const escape = '\u001b[';
    expect((await cli(['status'], { isTty: true })).err).toContain(escape);
    expect((await cli(['status'], { isTty: true, environment: { NO_COLOR: '1' } })).err).not.toContain(escape);
    expect((await cli(['status'])).err).not.toContain(escape);
  });

  it('turns a fault of its own into exit 70 with the place it came from', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'token'), 't\n');
    const http = { request: () => Promise.reject(new WatchkeeperError('internal', 'boom')) };
    const ran = await cli(['status', '--url', 'http://127.0.0.1:9', '--token-file', 'token'], { cwd, http });
    expect([ran.code, ran.err]).toEqual([70, expect.stringMatching(/boom\nThis is a fault of Watchkeeper[\s\S]*at /)]);
  });
});

describe('what people write', () => {
  it('check says ok, or every problem with its place, and exits 1', async () => {
    expect(await cli(['check'])).toMatchObject({ code: 0, out: expect.stringMatching(/^ok: \d+ Detector/) });
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'policies'));
    writeFileSync(join(cwd, 'watchkeeper.yaml'), 'resources: { policies: policies }\n');
    writeFileSync(
      join(cwd, 'policies/p.yaml'),
      'apiVersion: watchkeeper.dev/v1alpha1\nkind: Policy\nmetadata: { name: p }\nspec:\n  alow: []\n',
    );
    const wrong = await cli(['check'], { cwd });
    expect([wrong.code, wrong.out]).toEqual([1, expect.stringMatching(/p\.yaml:5:3: .*alow.*allow/)]);
    const json = await cli(['check', '--output', 'json'], { cwd });
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, problems: [{ line: 5, column: 3 }] });
  });

  it('check --connect tries what is configured', async () => {
    const cwd = temporaryFolder();
    writeFileSync(
      join(cwd, 'watchkeeper.yaml'),
      'sources: [{ id: prom, kind: prometheus, url: "http://127.0.0.1:9" }]\nhttp: { tokens: [{ name: ci, file: /nowhere/token }] }\n',
    );
    const ran = await cli(['check', '--connect', '--output', 'json'], { cwd });
    const { connections } = JSON.parse(ran.out) as { connections: { id: string; ok: boolean }[] };
    expect([ran.code, connections.map(({ id, ok }) => [id, ok])]).toEqual([
      1,
      [
        ['prom', false],
        ['ci', false],
      ],
    ]);
  });

  it('test passes everything that is shipped, each tested both ways', async () => {
    const ran = await cli(['test', '--output', 'json']);
    const report = JSON.parse(ran.out) as { cases: { failures: string[] }[]; lint: string[]; coverage: object };
    expect(report.cases.filter(({ failures }) => failures.length > 0)).toEqual([]);
    expect(report.lint).toEqual([]);
    expect(ran.code).toBe(0);
    expect(report.cases.length).toBeGreaterThan(50);
  });

  it('test judges what is shipped by the shipped policies, whatever is written beside it', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'own'));
    writeFileSync(join(cwd, 'watchkeeper.yaml'), 'resources: { policies: own }\n');
    const policy = 'apiVersion: watchkeeper.dev/v1alpha1\nkind: Policy\nmetadata: { name: prod }\n';
    writeFileSync(join(cwd, 'own/prod.yaml'), `${policy}spec: { never: [{ actions: ['*'] }] }\n`);
    writeFileSync(
      join(cwd, 'own/replaced.yaml'),
      readFileSync(join(root, 'runbooks/restart-failed-unit.yaml'), 'utf8'),
    );
    const report = JSON.parse((await cli(['test', '--output', 'json'], { cwd })).out) as {
      cases: { failures: string[] }[];
      lint: string[];
      coverage: { rules: number };
    };
    expect(report.coverage.rules).toBe(0);
    expect(report.cases.filter(({ failures }) => failures.length > 0)).toEqual([]);
    expect(report.lint).toEqual([
      expect.stringContaining('policy prod has no tests'),
      expect.stringContaining('runbook restart-failed-unit has no tests'),
    ]);
  });

  it('what new begins passes check and test as it is, and is never overwritten', async () => {
    const cwd = temporaryFolder();
    for (const kind of ['detector', 'runbook', 'service', 'policy', 'escalation'])
      expect((await cli(['new', kind, `my-${kind}`], { cwd })).code).toBe(0);
    writeFileSync(
      join(cwd, 'watchkeeper.yaml'),
      'resources: { detectors: detectors, runbooks: runbooks, services: services, policies: policies, escalations: escalations }\n',
    );
    expect((await cli(['check'], { cwd })).out).toMatch(/^ok: /);
    expect(await cli(['test', 'detectors', 'runbooks', 'policies'], { cwd })).toMatchObject({
      code: 0,
      out: expect.stringContaining('7 cases passed, 0 failed, 0 lint errors'),
    });
    expect((await cli(['new', 'detector', 'my-detector'], { cwd })).code).toBe(1);
  });

  it('test names a failed case, a policy without a denial, and a detector never shown to stay quiet', async () => {
    const cwd = temporaryFolder();
    await cli(['new', 'detector', 'd'], { cwd });
    const [firstCase = ''] = readFileSync(join(cwd, 'detectors/d.test.yaml'), 'utf8').split('- name: a short spike');
    writeFileSync(join(cwd, 'detectors/d.test.yaml'), firstCase);
    writeFileSync(join(cwd, 'detectors/p.yaml'), readFileSync(join(root, 'policies/default.yaml'), 'utf8'));
    writeFileSync(
      join(cwd, 'detectors/p.test.yaml'),
      '- given: { action: host.service-restart, policies: [default] }\n  expect: { decision: allow }\n',
    );
    const ran = await cli(['test', 'detectors'], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.out).toContain('expected decision "allow", and it is "deny"');
    expect(ran.out).toContain('policy default has no test of a denial');
    expect(ran.out).toContain('detector d has no case in which it stays quiet');
  });

  it('schema prints what editors read', async () => {
    const ran = await cli(['schema', 'policy']);
    expect(JSON.parse(ran.out)).toEqual(JSON.parse(readFileSync(join(root, 'schemas/policy.json'), 'utf8')));
    const cwd = temporaryFolder();
    expect((await cli(['schema', '--out', 's'], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, 's/detector.json'), 'utf8')).toContain('"Watchkeeper Detector"');
  });

  it('policy diff exits 1 when more would be allowed, and 0 when less', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'strict'));
    mkdirSync(join(cwd, 'loose'));
    const policy = (autonomy: string) =>
      `apiVersion: watchkeeper.dev/v1alpha1\nkind: Policy\nmetadata: { name: p }\nspec:\n  allow: [{ actions: ['*'], autonomy: ${autonomy} }]\n`;
    writeFileSync(join(cwd, 'strict/p.yaml'), policy('suggest'));
    writeFileSync(join(cwd, 'loose/p.yaml'), policy('act'));
    const wider = await cli(['policy', 'diff', 'strict', 'loose'], { cwd });
    expect([wider.code, wider.out]).toEqual([1, expect.stringContaining('NEWLY ALLOWED')]);
    expect(wider.out).toContain('denied -> allowed');
    expect((await cli(['policy', 'diff', 'loose', 'strict'], { cwd })).code).toBe(0);
    expect((await cli(['policy', 'check'], { cwd })).code).toBe(0);
    expect((await cli(['permissions'], { cwd })).out).toContain('host.service-restart');
  });
});

describe('permissions kubernetes', () => {
  it('prints what reads before what acts, each for its account, and says what no Role can', async () => {
    const cwd = temporaryFolder();
    writeFileSync(
      join(cwd, 'watchkeeper.yaml'),
      'sources: [{ kind: kubernetes, id: kubernetes, namespaces: [shop], helm: true }]\n',
    );
    const asked = ['permissions', 'kubernetes', '--config', 'watchkeeper.yaml', '--namespace', 'shop'];
    const { out, code } = await cli([...asked, '--reader', 'ops/eyes'], { cwd });
    expect(code).toBe(0);
    const [reading = '', acting = ''] = out.split('# What the hand needs');
    expect(reading).toContain('name: "eyes"');
    expect(reading).toContain('"secrets"');
    expect(reading).not.toMatch(/"(patch|create|delete)"/);
    expect(acting).toContain('# Not in it: kubernetes.helm-rollback: get, create, patch, delete on every kind');
    expect(acting).toContain('name: "watchkeeper-operator"');
    const json = JSON.parse((await cli([...asked, '--output', 'json'], { cwd })).out) as Record<string, unknown>;
    expect(Object.keys(json)).toEqual(['cluster', 'namespaces', 'reader', 'besides']);
  });
});

describe('permissions kubernetes, of a configuration that knows no cluster', () => {
  it('is refused: an empty answer would read as "nothing is needed"', async () => {
    const cwd = temporaryFolder();
    const { code, err, out } = await cli(['permissions', 'kubernetes', '--namespace', 'shop', '--output', 'json'], {
      cwd,
    });
    expect(code).toBe(2);
    expect(out + err).toContain('no kubernetes source');
    expect(out + err).toContain('--config');
  });

  it('is refused for a cluster where it acts and no namespace is known', async () => {
    const cwd = temporaryFolder();
    const config = 'operators: { kubernetes: [{ cluster: here, kubeconfig: kubeconfig }] }\n';
    writeFileSync(join(cwd, 'watchkeeper.yaml'), config);
    const { code, err } = await cli(['permissions', 'kubernetes', '--config', 'watchkeeper.yaml'], { cwd });
    expect(code).toBe(2);
    expect(err).toContain('--namespace NAME');
  });
});

describe('backtest', () => {
  it('plays a recording and writes what would have fired', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'rec/shop'), { recursive: true });
    writeFileSync(
      join(cwd, 'rec/index.json'),
      JSON.stringify({ services: ['shop'], step_s: 60, start: 0, signals: ['errors'] }),
    );
    const rows = Array.from({ length: 240 }, (_, index) => `${index * 60},${index < 200 ? 0.002 : 0.4}`);
    writeFileSync(join(cwd, 'rec/shop/signals.csv'), ['time,errors', ...rows, ''].join('\n'));
    const change = { at: 200 * 60, kind: 'deploy', version: 'v3', previous: 'v2', service: 'shop' };
    writeFileSync(join(cwd, 'rec/shop/changes.json'), JSON.stringify([change]));
    const ran = await cli(['backtest', 'rec', '--out', 'alerts.json'], { cwd });
    expect(ran).toMatchObject({ code: 0, err: '' });
    const alerts = JSON.parse(readFileSync(join(cwd, 'alerts.json'), 'utf8')) as { service: string; at: number }[];
    expect(alerts.some(({ service, at }) => service === 'shop' && at >= 200 * 60)).toBe(true);
  });
});
