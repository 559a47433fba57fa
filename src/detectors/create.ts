import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Detector, DetectorRule } from '../domain/ports/detector.ts';
import { detectorKinds, type AnyDetectorKind } from './kinds.ts';

/** Starts a parsed detector, from the state it saved under the same digest if there is one. */
export function createDetector(definition: DetectorDefinition, saved: Json | undefined): Detector {
  return kindOf(definition).create(ruleOf(definition), definition.params, saved);
}

/** How much history this detector wants to be shown at start, in milliseconds. */
export function detectorWarmupMs(definition: DetectorDefinition): number {
  return kindOf(definition).warmupMs(definition.params);
}

function kindOf(definition: DetectorDefinition): AnyDetectorKind {
  const kind = detectorKinds.get(definition.kind);
  if (kind === undefined) throw new WatchkeeperError('internal', `no detector kind ${definition.kind}`);
  return kind;
}

function ruleOf(definition: DetectorDefinition): DetectorRule {
  const { name, kind, on, severity, afterChange, changesOf } = definition;
  return { name, kind, on, severity, afterChange, changesOf };
}
