import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseCertificate, whyNotVouched } from '../../../../../src/io/clients/ssh/certificates/certificate.ts';
import type { CertificateRules } from '../../../../../src/io/clients/ssh/certificates/certificate.ts';
import { fieldsOf, stringOf } from '../../../../../src/io/clients/ssh/certificates/fields.ts';
import { recorded } from './recorded.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
const kinds = Object.entries(recorded).map(([name, { certificate, key }]) => ({ name, certificate, key }));
const in2026: CertificateRules = {
  host: 'web-1.example',
  nowMs: Date.UTC(2026, 5, 1),
  isTrusted: () => true,
  isRevoked: () => false,
};
const whyNot = (blob: Uint8Array, rules: Partial<CertificateRules> = {}): string | undefined =>
  whyNotVouched(parseCertificate(blob), { ...in2026, ...rules });

describe('a host certificate', () => {
  it.each(kinds)('of kind $name vouches for the key that is in it', ({ certificate, key }) => {
    expect(Buffer.from(parseCertificate(bytes(certificate)).key).toString('base64')).toBe(key);
    expect(whyNot(bytes(certificate))).toBeUndefined();
  });

  it('vouches for names by pattern, in any case of letters, and for no other', () => {
    const blob = bytes(recorded.rsa.certificate);
    expect(whyNot(blob, { host: 'WEB-1.Example' })).toBeUndefined();
    expect(whyNot(blob, { host: '10.0.0.17' })).toBeUndefined();
    expect(whyNot(blob, { host: '10.0.1.17' })).toMatch(/^for web-1\.example, 10\.0\.0\.\*, and not for 10\.0\.1\.17/);
    expect(whyNot(blob, { host: 'web-1.example.evil' })).toMatch(/not for/);
  });

  it('begins and ends on the second', () => {
    const blob = bytes(recorded.ed25519.certificate);
    const [first, end] = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)];
    expect(whyNot(blob, { nowMs: first - 1 })).toMatch(/not valid yet/);
    expect(whyNot(blob, { nowMs: first })).toBeUndefined();
    expect(whyNot(blob, { nowMs: end - 1 })).toBeUndefined();
    expect(whyNot(blob, { nowMs: end })).toBe('that ended 2027-01-01T00:00:00.000Z');
  });

  it.each(kinds)('of kind $name is worth nothing with any one bit of it changed', ({ certificate }) => {
    const whole = bytes(certificate);
    const bits = fc.integer({ min: 0, max: whole.length * 8 - 1 });
    fc.assert(
      fc.property(bits, (bit) => {
        const changed = Buffer.from(whole);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        let why: string | undefined;
        try {
          why = whyNot(changed, {
            isTrusted: (key) => Buffer.from(key).equals(parseCertificate(whole).authority),
          });
        } catch (thrown) {
          why = String(thrown);
        }
        expect(why).toBeDefined();
      }),
      { numRuns: 150 },
    );
  });

  it('with something behind its signature is worth nothing', () => {
    expect(whyNot(Buffer.concat([bytes(recorded.ed25519.certificate), Buffer.from([0])]))).toMatch(/signature/);
  });

  it('that is none is malformed, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (garbage) => {
        for (const blob of [garbage, Buffer.concat([stringOf('ssh-rsa-cert-v01@openssh.com'), garbage])])
          expect(() => parseCertificate(blob)).toThrow(/ends too early|no certificate|too many names/);
      }),
    );
    expect(() => parseCertificate(bytes(recorded.ed25519.key))).toThrow(/no certificate of a known type/);
  });
});

describe('fields of SSH', () => {
  it('are read as they were written, and not past the end', () => {
    const fields = fieldsOf(Buffer.concat([stringOf('né'), Buffer.from([1, 0, 0, 0, 2])]));
    expect([fields.text(), fields.byte(), fields.uint32(), fields.isOver]).toEqual(['né', 1, 2, true]);
    expect(() => fields.byte()).toThrow(/ends too early/);
    expect(() => fieldsOf(Buffer.from([255, 255, 255, 255, 1])).bytes()).toThrow(/ends too early/);
  });
});
