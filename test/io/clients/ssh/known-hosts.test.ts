import { createHmac } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { isAbout, parseKnownHosts } from '../../../../src/io/clients/ssh/known-hosts.ts';

const about = (line: string, host: string, port = 22): boolean =>
  parseKnownHosts(`${line} ssh-ed25519 AAAAC3Nz`).some((known) => isAbout(known, host, port));

describe('known_hosts', () => {
  it('finds a host by its name, by a pattern, and not by another', () => {
    expect(about('web-1,web-2', 'WEB-2')).toBe(true);
    expect(about('*.example', 'web.example')).toBe(true);
    expect(about('10.0.0.?', '10.0.0.7')).toBe(true);
    expect(about('web-1', 'web-10')).toBe(false);
    expect(about('*.example', 'example')).toBe(false);
  });

  it('lets a negated name take a host out of a pattern', () => {
    expect(about('*.example,!db.example', 'web.example')).toBe(true);
    expect(about('*.example,!db.example', 'db.example')).toBe(false);
  });

  it('knows another port as another name', () => {
    expect(about('web-1', 'web-1', 2222)).toBe(false);
    expect(about('[web-1]:2222', 'web-1', 2222)).toBe(true);
    expect(about('[web-1]:2222', 'web-1')).toBe(false);
  });

  it('finds hashed names as ssh-keygen -H writes them', () => {
    const salt = Buffer.alloc(20, 7);
    const hash = createHmac('sha1', salt).update('[web-1]:2222').digest('base64');
    const line = `|1|${salt.toString('base64')}|${hash}`;
    expect(about(line, 'web-1', 2222)).toBe(true);
    expect(about(line, 'web-2', 2222)).toBe(false);
    expect(about('|2|a|b', 'web-1')).toBe(false);
  });

  it('takes what it does not understand for nothing', () => {
    expect(
      parseKnownHosts('# a comment\n\nweb-1\nweb-1 ssh-ed25519 not*base64\n@other web-1 ssh-ed25519 AAAA\n'),
    ).toEqual([]);
    expect(parseKnownHosts('@revoked web-1 ssh-ed25519 AAAA')[0]?.marker).toBe('revoked');
    expect(parseKnownHosts('@cert-authority * ssh-ed25519 AAAA')[0]?.marker).toBe('authority');
  });

  it('is not slowed down by a pattern of many stars', () => {
    expect(about(`${'*a'.repeat(2_000)}b`, 'a'.repeat(4_000))).toBe(false);
  });
});
