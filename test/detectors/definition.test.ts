import { describe, expect, it } from 'vitest';

import { parseDetector } from '../../src/detectors/index.ts';
import type { Json } from '../../src/lib/json.ts';

function issuesOf(kind: string, expected: Json): readonly string[] {
  const parsed = parseDetector({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Detector',
    metadata: { name: 'd', labels: {} },
    spec: {
      kind,
      on: 'errors',
      ...(kind === 'threshold' ? { params: { above: 0.1 } } : {}),
      afterChange: { expect: expected },
      severity: 'warning',
    },
  });
  return parsed.ok ? [] : parsed.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('what a detector expects after a change', () => {
  it.each(['none', { upTo: '3x', for: '2m' }])('a regression refuses %j, which it would not honour', (expected) => {
    expect(issuesOf('regression', expected)).toEqual([
      expect.stringMatching(/spec\.afterChange\.expect: kind regression always learns/),
    ]);
  });
  it('a regression takes learned, and a threshold a bound', () => {
    expect(issuesOf('regression', 'learned')).toEqual([]);
    expect(issuesOf('threshold', { upTo: '3x', for: '2m' })).toEqual([]);
  });
});
