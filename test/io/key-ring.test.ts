import { describe, expect, it } from 'vitest';

import { keyRing } from '../../src/io/clients/key-ring.ts';
import { limits } from '../../src/lib/limits.ts';
import { httpWorld, json, type Respond } from '../support/http-world.ts';

const never = new AbortController().signal;
const issuer = 'https://login.example/v2.0';
const metadata = 'https://login.example/.well-known/openid-configuration';
const described = { issuer, jwks_uri: 'https://login.example/keys' };
const key = (kid: string) => ({ kty: 'RSA', kid });

/** A service that publishes these keys, and answers as it does until told otherwise. */
function world(keys: () => readonly object[], respond: Respond = () => json({})) {
  const peer = httpWorld((sent) =>
    sent.url === metadata ? json(described) : sent.url === described.jwks_uri ? json({ keys: keys() }) : respond(sent),
  );
  const ring = keyRing({ whose: 'Example', published: { metadata, issuer } }, peer.io);
  const kids = async (anew = false) => (await ring(anew, never)).map(({ kid }) => kid);
  return { ...peer, peer, kids };
}

describe('a ring of published keys', () => {
  it('is asked for once, and anew when it is old, so that one that was withdrawn is forgotten', async () => {
    let now = [key('a')];
    const { kids, requests, clock } = world(() => now);
    expect([await kids(), await kids()]).toEqual([['a'], ['a']]);
    expect(requests).toHaveLength(2);
    now = [key('b')];
    await clock.advance(limits.oidcKeysMs + 1);
    expect(await kids()).toEqual(['b']);
  });

  it('is asked for anew when a key is unknown, at most every ten seconds', async () => {
    let now = [key('a')];
    const { kids, requests, clock } = world(() => now);
    await kids();
    now = [key('a'), key('b')];
    expect(await kids(true)).toEqual(['a']);
    await clock.advance(limits.oidcAgainMs);
    expect(await kids(true)).toEqual(['a', 'b']);
    for (let n = 0; n < 5; n++) await kids(true);
    expect(requests).toHaveLength(4);
  });

  it('goes on for an hour while the service is away, and then says so; an unknown key is not called a forgery', async () => {
    const { kids, clock, peer } = world(() => [key('a')]);
    await kids();
    peer.answer(() => 'refuse');
    await clock.advance(limits.oidcKeysMs + 1);
    expect(await kids()).toEqual(['a']);
    await clock.advance(limits.oidcAgainMs);
    await expect(kids(true)).rejects.toMatchObject({ code: 'unreachable' });
    await clock.advance(limits.oidcKeysStaleMs);
    await expect(kids()).rejects.toMatchObject({ code: 'unreachable', message: /keys of Example/ });
  });

  it.each<[string, Respond]>([
    ['refuses', () => 'refuse'],
    ['answers 500', () => json({}, 500)],
    ['answers what is no JSON', () => '<html>'],
    ['answers with no keys', () => json({ keys: 'none' })],
    ['answers with more keys than anybody has', () => json({ keys: Array.from({ length: 201 }, () => key('a')) })],
    ['answers with more than it may', () => ({ body: new Uint8Array(limits.keysAnswerBytes + 1) })],
  ])('says that keys cannot be had where the service %s', async (_what, respond) => {
    const peer = httpWorld(respond);
    const ring = keyRing({ whose: 'Example', published: { keys: described.jwks_uri } }, peer.io);
    await expect(ring(false, never)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it.each([
    ['another issuer', { ...described, issuer: 'https://evil.example' }],
    ['keys in the clear', { ...described, jwks_uri: 'http://login.example/keys' }],
  ])('takes no keys from a service that describes itself with %s', async (_what, said) => {
    const { kids, requests, peer } = world(() => [key('a')]);
    peer.answer(() => json(said));
    await expect(kids()).rejects.toMatchObject({ code: 'unreachable' });
    expect(requests).toHaveLength(1);
  });
});
