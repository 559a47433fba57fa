import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { textOf } from '../../architecture/tree.ts';
import { loadConfig, renderProblems, settings, type LoadConfigOptions } from '../../../src/agent/load/index.ts';
import { schemaOf } from '../../../src/lib/schema.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const prometheus = schemaOf(z.strictObject({ url: z.string(), token: z.strictObject({ env: z.string() }).optional() }));
const empty = schemaOf(z.strictObject({}));

function options(text?: string, variables: LoadConfigOptions['variables'] = {}): LoadConfigOptions {
  return {
    folder: '/srv',
    defaultDataDir: '/var/lib/watchkeeper',
    variables,
    sourceKinds: { host: empty, prometheus },
    channelKinds: { webhook: prometheus },
    files: memoryFiles(text === undefined ? {} : { '/srv/watchkeeper.yaml': text }),
    signal: new AbortController().signal,
  };
}

async function config(text?: string, variables: LoadConfigOptions['variables'] = {}) {
  const loaded = await loadConfig(options(text, variables));
  if (!loaded.ok) throw new Error(renderProblems(loaded.problems));
  return loaded;
}

async function problems(text: string, variables: LoadConfigOptions['variables'] = {}): Promise<string> {
  const loaded = await loadConfig(options(text, variables));
  return loaded.ok ? '' : renderProblems(loaded.problems);
}

describe('watchkeeper.yaml', () => {
  it('may be absent: this host, suggest, loopback', async () => {
    expect((await config()).config).toEqual({
      dataDir: '/var/lib/watchkeeper',
      store: { kind: 'sqlite' },
      leadership: { lease: 15_000, renew: 10_000, retry: 2_000 },
      resources: [],
      inherit: ['detectors', 'runbooks', 'policies'],
      standIns: ['policies'],
      sources: [{ id: 'host', kind: 'host', config: {} }],
      operators: { kubernetes: [], git: [], ssh: [], aws: [], azure: [], gcp: [] },
      channels: [],
      http: { listen: { host: '127.0.0.1', port: 7777 }, tokens: [] },
      defaults: { autonomy: 'suggest' },
      ledger: {},
      log: { level: 'info', format: 'auto' },
      reloadEveryMs: 5_000,
      incidents: { graceMs: 60_000, patienceMs: 30_000 },
      limits: { diagnosisDeadlineMs: 3_000, planTtlMs: 3_600_000 },
      retention: { historyMs: 90 * 24 * 3_600_000, rows: 10_000 },
    });
    expect((await config('# nothing yet\n')).config.defaults.autonomy).toBe('suggest');
  });

  it('must exist when it was asked for', async () => {
    const loaded = await loadConfig({ ...options(), file: 'other.yaml' });
    expect(loaded.ok ? '' : renderProblems(loaded.problems)).toBe('/srv/other.yaml:1:1: there is no such file');
  });

  it('gives paths from its own folder and tokens by handle', async () => {
    const { config: read } = await config(
      'dataDir: data\nresources: {policies: ./policies, services: [a, b]}\nhttp:\n  listen: 0.0.0.0:80\n' +
        '  tokens: [{name: ci, groups: [deployers], file: /run/ci}]\nsources: [{id: prom, kind: prometheus, url: http://x}]\n',
    );
    expect(read.dataDir).toBe('/srv/data');
    expect([...read.resources].sort()).toEqual(['/srv/a', '/srv/b', '/srv/policies']);
    // Who keeps policies of their own is not limited by the shipped one.
    expect(read.inherit).toEqual(['detectors', 'runbooks']);
    expect(read.http).toEqual({
      listen: { host: '0.0.0.0', port: 80 },
      tokens: [{ name: 'ci', groups: ['deployers'], role: 'operator', secret: { file: '/run/ci' } }],
    });
    expect(read.sources).toEqual([{ id: 'prom', kind: 'prometheus', config: { url: 'http://x' } }]);
  });

  it.each<[string, string, string]>([
    ['a typo', 'htpp: {}', '1:1: unknown key htpp; did you mean "http"?'],
    [
      'an unknown kind of source',
      'sources:\n  - {id: a, kind: promethues}',
      '2:19: unknown kind "promethues"; the kinds are host, prometheus; did you mean "prometheus"?',
    ],
    ['a wrong block of a source', 'sources:\n  - id: a\n    kind: prometheus\n    ulr: x', '4:5: unknown key ulr'],
    [
      'two ids alike',
      'sources: [{id: a, kind: host}, {id: a, kind: host}]',
      '1:37: there are two sources with the id "a"',
    ],
    [
      'an open door',
      'http: {listen: "0.0.0.0:80"}',
      '1:16: listening beyond this machine needs somebody who may come in: at least one token',
    ],
    [
      'signing in on a page that nobody can name',
      'http: {oidc: {issuer: https://id.example, audience: a, roles: [{group: g, role: admin}], login: {clientId: c}}}',
      '1:14: http.publicUrl must say how browsers reach the daemon',
    ],
    [
      'a provider that anybody on the way can be',
      'http: {oidc: {issuer: http://id.example, audience: a, roles: [{group: g, role: admin}]}}',
      '1:23: a provider beyond this machine is reached by https',
    ],
    [
      'a proxy at no address',
      'http: {publicUrl: https://w.example, proxy: {from: [10.0.0.0/33], roles: [{group: g, role: admin}]}}',
      '1:53: an address or a range such as 10.0.0.7 or 10.0.0.0/24',
    ],
    ['a bad address', 'http: {listen: here}', '1:16: expected an address such as 127.0.0.1:7777, got "here"'],
    ['a duration out of range', 'reload: {every: 1ms}', '1:17: expected from 1s to 1h'],
    [
      'a lease for a daemon alone',
      'leadership: {kubernetes: {namespace: a}}',
      '1:26: a store in dataDir has one daemon; replicas share store.kind: postgres',
    ],
    [
      'replicas that would sign as two',
      'store: {kind: postgres, host: db, database: d, user: u}',
      '1:8: a shared store needs ledger.origin, the same in every replica',
    ],
    [
      'a lease that leaves no time',
      'store: {kind: postgres, host: db, database: d, user: u}\nledger: {origin: o, keyFile: k}\nleadership: {lease: 10s}',
      '3:13: the lease must be at least 1.2 times as long as renew',
    ],
    [
      'a schema that is no name',
      'store: {kind: postgres, host: db, database: d, user: u, schema: "a;b"}',
      '1:65: a schema is lower-case letters, digits and "_"',
    ],
    ['two documents', 'log: {}\n---\nlog: {}', '3:1: only one document belongs here'],
  ])('refuses %s', async (_title, text, expected) => {
    expect(await problems(text)).toContain(`/srv/watchkeeper.yaml:${expected}`);
  });

  it('refuses a literal secret and does not repeat it', async () => {
    for (const text of [
      'http:\n  tokens:\n    - name: ci\n      token: hunter2\n',
      'sources:\n  - id: p\n    kind: prometheus\n    url: x\n    password: hunter2\n',
    ]) {
      expect(await problems(text)).toContain('a secret is never written into the file');
      expect(await problems(text)).not.toContain('hunter2');
    }
  });
});

describe('the environment', () => {
  it('has one variable for every setting', () => {
    const names = settings().map((setting) => setting.variable);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        'WATCHKEEPER_DATA_DIR',
        'WATCHKEEPER_HTTP_LISTEN',
        'WATCHKEEPER_SOURCES',
        'WATCHKEEPER_LEDGER_KEY_FILE',
        'WATCHKEEPER_LEDGER_WITNESS_URL',
        'WATCHKEEPER_LIMITS_PLAN_TTL',
      ]),
    );
  });

  it('is laid over the file', async () => {
    const loaded = await config('log: {level: warn}\nhttp: {listen: "127.0.0.1:1"}', {
      WATCHKEEPER_HTTP_LISTEN: '[::1]:9000',
      WATCHKEEPER_SOURCES: '[{id: p, kind: prometheus, url: "http://y"}]',
      WATCHKEEPER_LOG_FORMAT: 'json',
      PATH: '/bin',
    });
    expect(loaded.config.http.listen).toEqual({ host: '::1', port: 9000 });
    expect(loaded.config.log).toEqual({ level: 'warn', format: 'json' });
    expect(loaded.config.sources[0]?.config).toEqual({ url: 'http://y' });
  });

  it('is named when it is wrong, and noted when it is unknown', async () => {
    expect(await problems('log: {}', { WATCHKEEPER_LOG_LEVEL: 'loud' })).toMatch(
      /^\$WATCHKEEPER_LOG_LEVEL:1:1: must be/,
    );
    expect(await problems('log: {}', { WATCHKEEPER_SOURCES: '[{' })).toMatch(/^\$WATCHKEEPER_SOURCES:1:1: /);
    const { notes } = await config('log: {}', {
      WATCHKEEPER_LOG_LEVLE: 'debug',
      WATCHKEEPER_PORT: 'tcp://10.0.0.1:80',
      WATCHKEEPER_SERVICE_HOST: '10.0.0.1',
    });
    expect(notes).toEqual(['WATCHKEEPER_LOG_LEVLE is not a setting; did you mean WATCHKEEPER_LOG_LEVEL?']);
  });

  it('may say who comes in as docs/api.md shows it', async () => {
    const [, text = ''] =
      /^```yaml\n# file: watchkeeper-people\.yaml\n([\s\S]*?)^```$/m.exec(textOf('docs/api.md')) ?? [];
    expect(text).toContain('oidc:');
    expect(await problems(text)).toBe('');
  });
});
