import { describe, expect, it } from 'vitest';

import { firstEnd } from '../../../../src/io/clients/linux/metrics/certificates.ts';

// Self-signed, made by `openssl req -x509`: one ends in 2036, the other on 28 December 2026.
const late = `-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUYwA8rErjpIDWL2Vtlawp6fysJXYwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAeFw0yNjExMjgxMjM2NTZaFw0zNjExMjUxMjM2NTZaMAwx
CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATx0xy6q9ZW6PAY
nCeucnW1Sgv+hbWLx/VkpQuQwBF6b7Vc/Nvp8eQIgXScGSyaeeeyfPrgWf2z8Pqj
gFudT3JIo1MwUTAdBgNVHQ4EFgQUj4xhkRq25ygixXgCxDcTZ/ZGbyYwHwYDVR0j
BBgwFoAUj4xhkRq25ygixXgCxDcTZ/ZGbyYwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiA0FHd6m1F2nk+hwoopCByiBeX1ehiJ+37qUB9RMwb3LQIh
AK3iZoFn5P2tuXcZb8QkZFBubvrVAe0DBi7rCN0D+Hz6
-----END CERTIFICATE-----
`;
const soon = `-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUTVF4rd8wMbsrWglxK0dEnzY81c8wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYjAeFw0yNjExMjgxMjM2NTZaFw0yNjEyMjgxMjM2NTZaMAwx
CjAIBgNVBAMMAWIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATGub8PlzxixWjk
U1g2JlBrq6tWdbGXbC/mGv5yAFDXmBd6Y7k5wpsUgBlAl/d5PCw7L5gwrElVuMkH
T2kE+F9Zo1MwUTAdBgNVHQ4EFgQUPb0nzLG1lw3PpALRV4vuod+ZjEUwHwYDVR0j
BBgwFoAUPb0nzLG1lw3PpALRV4vuod+ZjEUwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiBTknOR3PGALgfSS+khAvx1hJha9aYh3W8T5fk4qVsDJQIh
APodiW/zlumksZungZMWy6wKnRzBlaz0+AyKUjk8/kgf
-----END CERTIFICATE-----
`;

describe('the end of a certificate file', () => {
  it('is that of its certificate, in whatever text it stands', () => {
    expect(firstEnd('/c.pem', `subject=CN=a\r\n${late}`)).toBe(Date.parse('2036-11-25T12:36:56Z'));
  });

  it('is the earliest of a chain', () => {
    expect(firstEnd('/c.pem', late + soon)).toBe(Date.parse('2026-12-28T12:36:56Z'));
  });

  it('is not told of a file without one, or with one that is broken', () => {
    expect(() => firstEnd('/c.pem', 'BEGIN CERTIFICATE')).toThrow(/no certificate/);
    expect(() => firstEnd('/c.pem', late.replace('MIIB', 'AAAA'))).toThrow(/cannot be read/);
  });
});
