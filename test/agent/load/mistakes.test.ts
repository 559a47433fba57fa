import { describe, expect, it } from 'vitest';

import { documentText, problemsOf } from './given.ts';

const golden: readonly [string, Readonly<Record<string, string | Uint8Array>>, string][] = [
  [
    'a typo in a key',
    { 'p.yaml': documentText('Policy', 'prod', '  alow: []') },
    `p.yaml:5:3: unknown key alow; did you mean "allow"?
  5 |   alow: []
    |   ^`,
  ],
  [
    'a key that is not there',
    { 'p.yaml': documentText('Policy', 'prod', "  allow: [{ when: 'true' }]") },
    `p.yaml:5:11: autonomy is missing: one of observe, suggest, approve, act is required
  5 |   allow: [{ when: 'true' }]
    |           ^`,
  ],
  [
    'a word that is not in a closed set',
    { 'p.yaml': documentText('Policy', 'prod', '  allow: [{autonomy: atc}]') },
    `p.yaml:5:22: must be one of observe, suggest, approve, act; did you mean "act"?
  5 |   allow: [{autonomy: atc}]
    |                      ^`,
  ],
  [
    'an unknown name in an expression',
    {
      'p.yaml': documentText(
        'Policy',
        'prod',
        "  allow:\n    - autonomy: act\n      when: diagnosis.confidense > 0.8 && diagnosis.confidence == 'x'",
      ),
    },
    `p.yaml:7:23: diagnosis has no field "confidense"; did you mean "confidence"?
  7 |       when: diagnosis.confidense > 0.8 && diagnosis.confidence == 'x'
    |                       ^
p.yaml:7:64: cannot compare double with string
  7 |       when: diagnosis.confidense > 0.8 && diagnosis.confidence == 'x'
    |                                                                ^`,
  ],
  [
    'an expression in a folded block',
    {
      'p.yaml': documentText(
        'Policy',
        'prod',
        '  allow:\n    - autonomy: act\n      when: >-\n        diagnosis.confidence > 0.8\n        && diagnosys.confidence > 1.0',
      ),
    },
    `p.yaml:9:12: unknown name "diagnosys"; did you mean "diagnosis"?
  9 |         && diagnosys.confidence > 1.0
    |            ^`,
  ],
  [
    'a duration without its unit',
    { 's.yaml': documentText('Service', 'cart', '  wait: 5') },
    `s.yaml:5:9: expected a duration such as 5m, got 5
  5 |   wait: 5
    |         ^`,
  ],
  [
    'another apiVersion, and a kind with a typo',
    { 's.yaml': 'apiVersion: watchkeeper.dev/v1\nkind: Servce\nmetadata: {name: a}\nspec: {}\n' },
    `s.yaml:1:13: unknown apiVersion "watchkeeper.dev/v1"; did you mean "watchkeeper.dev/v1alpha1"?
  1 | apiVersion: watchkeeper.dev/v1
    |             ^
s.yaml:2:7: unknown kind "Servce"; the kinds are Service, Detector, Runbook, Policy, Escalation; did you mean "Service"?
  2 | kind: Servce
    |       ^`,
  ],
  [
    'a label that YAML reads as a bool',
    {
      's.yaml':
        'apiVersion: watchkeeper.dev/v1alpha1\nkind: Service\nmetadata:\n  name: a\n  labels: {regulated: true}\nspec: {}\n',
    },
    `s.yaml:5:23: must be a string, not a boolean
  5 |   labels: {regulated: true}
    |                       ^`,
  ],
  [
    'a key that is there twice',
    { 's.yaml': documentText('Service', 'a', '  wait: 5m\n  wait: 6m') },
    `s.yaml:6:3: the key "wait" is there twice
  6 |   wait: 6m
    |   ^`,
  ],
  [
    'a tab for indentation',
    { 's.yaml': documentText('Service', 'a', '\twait: 5m') },
    `s.yaml:5:1: a tab is used for indentation; YAML allows only spaces
  5 |  wait: 5m
    | ^`,
  ],
  [
    'two documents of one name',
    { 'a.yaml': documentText('Service', 'cart'), 'b.yaml': documentText('Service', 'cart') },
    `b.yaml:3:18: there is another Service named "cart" at a.yaml:1
  3 | metadata: {name: cart}
    |                  ^`,
  ],
  [
    'a dependency that is in no file',
    { 's.yaml': documentText('Service', 'cart', '  dependsOn:\n    - db') },
    `s.yaml:6:7: there is no service "db"
  6 |     - db
    |       ^`,
  ],
  [
    'a file that is not UTF-8',
    { 's.yaml': Uint8Array.from([...new TextEncoder().encode('kind: Service\nname: caf'), 0xe9, 0x0a]) },
    `s.yaml:2:10: this byte is not UTF-8; save the file as UTF-8
  2 | name: caf�
    |          ^`,
  ],
  [
    'a bracket that is never closed',
    { 's.yaml': documentText('Service', 'a', '  dependsOn: [db') },
    `s.yaml:6:1: a "[" or "{" above is never closed, or what is in it is not indented`,
  ],
  [
    'text that is no document',
    { 's.yaml': 'hello\n' },
    `s.yaml:1:1: expected a document with apiVersion, kind, metadata and spec
  1 | hello
    | ^`,
  ],
];

describe('the most common mistakes, as people see them', () => {
  it.each(golden)('%s', (_title, files, expected) => {
    expect(problemsOf(files)).toBe(expected);
  });

  it('never shows a secret that was written into a file', () => {
    const text = documentText('Service', 'a', '  token: hunter2\n  wait: 5m');
    expect(problemsOf({ 's.yaml': text })).toContain('unknown key token');
    expect(problemsOf({ 's.yaml': text })).not.toContain('hunter2');
  });
});
