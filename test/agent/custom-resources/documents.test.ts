import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { documentOf } from '../../../src/agent/custom-resources/document.ts';
import type { FedDocument } from '../../../src/agent/load/feed.ts';
import { settleFed } from '../../../src/agent/load/fed.ts';
import type { LoadResult } from '../../../src/agent/load/resources.ts';
import type { FoundFile } from '../../../src/agent/load/walk.ts';
import type { DocumentKind } from '../../../src/domain/document.ts';
import type { JsonObject } from '../../../src/lib/json.ts';

const object = (spec: JsonObject, labels: Readonly<Record<string, string>> = {}) => ({
  spec,
  metadata: { name: 'it', namespace: 'shop', uid: 'u', generation: 3, labels },
});
const read = (kind: DocumentKind, spec: JsonObject, trusted: boolean, labels = {}) => {
  const fed = documentOf(kind, object(spec, labels), trusted);
  return { fed, document: parse(new TextDecoder().decode(fed.bytes)) as JsonObject };
};

describe('a custom resource as a document', () => {
  it("means in the platform team's namespace what it means in a file", () => {
    const { document } = read('Runbook', { services: { tier: 'critical' } }, true);
    expect(document).toMatchObject({ metadata: { name: 'it' }, spec: { services: { tier: 'critical' } } });
  });
  it('is about its own namespace when anybody else wrote it, whatever it says', () => {
    const { document } = read('Runbook', { services: { tier: 'critical', namespace: 'payments' } }, false);
    expect(document).toMatchObject({
      metadata: { name: 'shop.it' },
      spec: { services: { tier: 'critical', namespace: 'shop' } },
    });
    expect(read('Service', {}, false, { namespace: 'payments' }).document).toMatchObject({
      metadata: { name: 'it', labels: { namespace: 'shop' } },
    });
  });
  it.each<[string, JsonObject]>([
    ['another namespace', { runsOn: [{ kubernetes: { namespace: 'kube-system', deployment: 'coredns' } }] }],
    ["the daemon's own machine", { runsOn: [{ host: { unit: 'sshd.service' } }] }],
    ['both', { runsOn: [{ kubernetes: { namespace: 'shop', deployment: 'a' }, host: {} }] }],
  ])('is refused when it would run on %s', (_what, spec) => {
    expect(read('Service', spec, false).fed.refused).toContain('of that namespace only');
    expect(read('Service', spec, true).fed.refused).toBeUndefined();
  });
  it('takes the key that kubectl makes of a bare `on`', () => {
    expect(read('Detector', { kind: 'threshold', true: 'errors' }, true).document['spec']).toEqual({
      kind: 'threshold',
      on: 'errors',
    });
  });
});

describe('files and custom resources as one set', () => {
  const fed = (name: string, text: string, more: Partial<FedDocument> & { readonly kind?: DocumentKind } = {}) => ({
    path: name,
    bytes: new TextEncoder().encode(text),
    ref: { kind: more.kind ?? 'Service', namespace: 'shop', name, uid: name, generation: 1 },
    ...(more.last === undefined ? {} : { last: more.last }),
  });
  /** A loader that refuses every text with `bad` in it. */
  const check = (files: readonly FoundFile[]): LoadResult => ({
    documents: [],
    tests: [],
    notes: [],
    empty: [],
    digest: files.map(({ bytes }) => new TextDecoder().decode(bytes)).join(' '),
    problems: files
      .filter(({ bytes }) => new TextDecoder().decode(bytes).includes('bad'))
      .map(({ path }) => ({ file: path, line: 1, column: 1, message: 'is bad' })),
  });

  it('leaves out what is wrong, and takes its last good version where there is one', () => {
    const last = new TextEncoder().encode('was good');
    const { result, verdicts } = settleFed([fed('a', 'good'), fed('b', 'bad'), fed('c', 'bad too', { last })], check);
    expect(result.digest).toBe('good was good');
    expect(result.problems).toEqual([]);
    expect(verdicts.map(({ using }) => using)).toEqual(['itself', 'nothing', 'its last good version']);
  });
  it('drops a last version that has become bad too', () => {
    const last = new TextEncoder().encode('bad before');
    expect(settleFed([fed('a', 'bad', { last })], check).verdicts[0]?.using).toBe('nothing');
  });
  it.each<DocumentKind>(['Policy', 'Escalation'])('refuses the whole set for a broken %s', (kind) => {
    expect(settleFed([fed('a', 'good'), fed('p', 'bad', { kind })], check).result.problems).toHaveLength(1);
  });
});
