import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { LedgerDraft } from '../../src/domain/ledger.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { entryTypes, readEntry, redactedSeq, sealDraft } from '../../src/ledger/entry.ts';
import { readFacts, scanEntry } from '../../src/ledger/scan.ts';

const hex = 'ab'.repeat(32);
const whole = (draft: Partial<LedgerDraft> = {}, commitment?: string): string => {
  const base = { type: 'decision', actor: 'daemon', atMs: 1_764_000_000_000, subject: {}, body: {} } as const;
  return Buffer.from(sealDraft({ ...base, ...draft }, 3, commitment).bytesAt(41)).toString();
};

/** What the long way makes of the same bytes. */
function parsed(data: Uint8Array): unknown {
  const entry = readEntry(data);
  if (typeof entry === 'string') return entry;
  return { seq: entry.seq, commitment: entry.commitment, erased: redactedSeq(entry) };
}

const names = fc.stringMatching(/^[ -~]{0,12}$/);
const bodies = fc.dictionary(names, fc.jsonValue({ maxDepth: 4 })) as fc.Arbitrary<JsonObject>;
const entries = fc.record({
  type: fc.constantFrom(...entryTypes) as fc.Arbitrary<LedgerDraft['type']>,
  actor: fc.oneof(fc.stringMatching(/^[ -~]{1,20}$/), fc.string({ minLength: 1, maxLength: 20 })),
  atMs: fc.oneof(fc.nat(), fc.maxSafeInteger()),
  subject: fc.record({ incident: names, plan: names, service: names }, { requiredKeys: [] }),
  body: bodies,
});

describe('an entry is recognised without being parsed', () => {
  test.each([
    ['with nothing in it', whole()],
    ['with a payload', whole({}, hex)],
    ['with a subject', whole({ subject: { incident: 'inc-1', step: 'rollback', service: 'checkout' } })],
    ['with a nested body', whole({ body: { a: [1, -2, 0.87, 1e21, [], {}, null], 'b c': { x: true, y: false } } })],
  ])('%s', (_, text) => {
    expect(scanEntry(Buffer.from(text))).toEqual(parsed(Buffer.from(text)));
  });

  test('or else left to the parser, which says what it is', () => {
    for (const text of [whole({ actor: 'grün' }), whole({ body: { a: 'two\nlines' } })]) {
      expect(scanEntry(Buffer.from(text))).toBeUndefined();
      expect(readFacts(Buffer.from(text))).toEqual({ seq: 41, commitment: undefined, erased: undefined });
    }
    const redacted = Buffer.from(whole({ type: 'redacted', body: { seq: 7, commitment: hex } }));
    expect(readFacts(redacted)).toEqual({ seq: 41, commitment: undefined, erased: 7 });
  });

  test('with the same facts as by parsing, whatever it says', () => {
    fc.assert(
      fc.property(entries, fc.boolean(), (draft, committed) => {
        const data = Buffer.from(whole(draft, committed ? hex : undefined));
        expect(readFacts(data)).toEqual(parsed(data));
      }),
      { numRuns: 500 },
    );
  });
});

describe('what is not an entry is never recognised as one', () => {
  const rich = whole({ subject: { plan: 'p', step: 's' }, body: { a: [1, -2.5, 'x'], bc: { d: null }, e: true } }, hex);
  const cut = (from: string, to: string): string => {
    expect(rich).toContain(from);
    return rich.replace(from, to);
  };

  test.each([
    ['keys out of order', cut('"a":[1,-2.5,"x"],"bc":{"d":null}', '"bc":{"d":null},"a":[1,-2.5,"x"]')],
    ['a key twice', cut('"e":true', '"e":true,"e":true')],
    ['a key that goes before its own beginning', cut('"bc":', '"ab":1,"a!":')],
    ['white space', cut('"e":true', '"e": true')],
    ['a leading zero', cut('[1,', '[01,')],
    ['minus zero', cut('[1,', '[-0,')],
    ['a number that is printed otherwise', cut('-2.5', '-2.50')],
    ['what looks like a number', cut('-2.5', '1e')],
    ['an escape', cut('"x"', '"\\u0078"')],
    ['a comma too many', cut('"x"]', '"x",]')],
    ['a string that does not end', cut('"v":1}', '"v":1')],
    ['another version', cut('"v":1}', '"v":2}')],
    ['something after its end', `${rich} `],
    ['an unknown type', cut('"decision"', '"decisions"')],
    ['an unknown member', cut('"epoch"', '"ep":1,"epoch"')],
    ['an unknown subject', cut('"step"', '"stepp"')],
    ['a subject that is not a name', cut('"step":"s"', '"step":1')],
    ['no actor', cut('"daemon"', '""')],
    ['an actor without end', cut('"daemon"', `"${'d'.repeat(257)}"`)],
    ['a commitment of another length', cut(hex, hex.slice(2))],
    ['a commitment in capitals', cut(hex, hex.toUpperCase())],
    ['a negative number', cut('"seq":41', '"seq":-41')],
    ['a number beyond what is exact', cut('"seq":41', '"seq":9007199254740993')],
    ['nothing at all', ''],
  ])('%s', (_, text) => {
    expect(scanEntry(Buffer.from(text))).toBeUndefined();
    expect(readFacts(Buffer.from(text))).toEqual(expect.any(String));
  });

  test('nor is any entry in which a byte was changed, dropped or put in, unless parsing agrees', () => {
    const edit = fc.record({
      at: fc.nat(rich.length),
      drop: fc.nat(3),
      put: fc.oneof(fc.stringMatching(/^[[\]{}",:0-9.eE+\-atf ]{0,3}$/), fc.string({ maxLength: 3 })),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = rich;
        for (const { at, drop, put } of edits) text = text.slice(0, at) + put + text.slice(at + drop);
        const data = Buffer.from(text);
        const known = scanEntry(data);
        if (known !== undefined) expect(known).toEqual(parsed(data));
      }),
      { numRuns: 20_000 },
    );
  });
});
