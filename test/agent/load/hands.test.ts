import { describe, expect, it } from 'vitest';

import { configSchema, type WrittenConfig } from '../../../src/agent/load/config-schema.ts';
import { handsIssues, handsOf, inventoryIssues } from '../../../src/agent/load/hands.ts';
import type { Json } from '../../../src/lib/json.ts';

const fleet = {
  id: 'fleet',
  kind: 'ssh',
  login: { user: 'watch', keyFile: '/keys/watch' },
  knownHosts: ['/keys/known_hosts'],
  interval: '1m',
  hosts: { 'web-1': { address: '10.0.0.1', user: 'other', groups: ['web'] } },
};

function written(ssh: Json): WrittenConfig {
  const parsed = configSchema.parse({ sources: [fleet, { id: 'host', kind: 'host' }], operators: { ssh } });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

describe('cloud of an ssh source', () => {
  const asking = (source: string): WrittenConfig => {
    const cloud = [{ source, tags: { role: 'web' } }];
    const aws = { id: 'aws', kind: 'aws', regions: ['eu-west-1'] };
    const parsed = configSchema.parse({ sources: [{ ...fleet, cloud }, aws, { id: 'host', kind: 'host' }] });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    return parsed.value;
  };

  it('takes the id of a source of a cloud', () => {
    expect(inventoryIssues(asking('aws'))).toEqual([]);
  });

  it.each([
    ['none', 'there is no source "none"'],
    ['host', 'host tells of no machines: name a source of a cloud, not "host"'],
  ])('refuses %s', (source, message) => {
    expect(inventoryIssues(asking(source))).toEqual([{ path: ['sources', 0, 'cloud', 0, 'source'], message }]);
  });
});

const login = { user: 'hand', keyFile: '/keys/hand' };

describe('operators.ssh', () => {
  it('takes the hosts, and whom to believe, from the source of that id', () => {
    const [hands] = handsOf(written([{ source: 'fleet', login }]));
    expect(hands).toMatchObject({
      source: 'fleet',
      login,
      inventory: { knownHosts: ['/keys/known_hosts'], hosts: { 'web-1': { address: '10.0.0.1' } } },
    });
    expect(handsIssues(written([{ source: 'fleet', login }]))).toEqual([]);
  });

  it.each([
    ['a source that is not there', [{ source: 'none', login }], 'there is no ssh source with the id "none"'],
    ['a source of another kind', [{ source: 'host', login }], 'there is no ssh source with the id "host"'],
    ['the reader as a hand', [{ source: 'fleet', login: fleet.login }], 'watch is the user that reads'],
    [
      'two logins for one source',
      [
        { source: 'fleet', login },
        { source: 'fleet', login },
      ],
      'two entries',
    ],
  ])('refuses %s', (_what, ssh, message) => {
    expect(handsIssues(written(ssh)).map((issue) => issue.message)).toEqual([expect.stringContaining(message)]);
  });
});
