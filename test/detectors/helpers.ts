import type { Json } from '../../src/lib/json.ts';
import { parseDetector, parseDetectorTests, runDetectorTests } from '../../src/detectors/index.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';

/** A parsed Detector from a `spec`; throws with the issues when it does not parse. */
export function detector(spec: Json, name = 'under-test'): DetectorDefinition {
  const metadata = { name, labels: {} };
  const parsed = parseDetector({ apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'Detector', metadata, spec });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

/** Runs one case and gives its failures, none when it passed. */
export function failures(spec: Json, one: Json): readonly string[] {
  const cases = parseDetectorTests([one]);
  if (!cases.ok) throw new Error(JSON.stringify(cases.issues));
  return runDetectorTests(detector(spec), cases.value).flatMap((result) => result.failures);
}
