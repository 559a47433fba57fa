import type { Json } from '../lib/json.ts';
import type { Selector } from '../lib/selector.ts';
import type { DetectorMode, Severity } from './alert.ts';
import type { AfterChange, ChangesOf } from './ports/detector.ts';

/** A Detector document, parsed: what every kind shares, and the kind's own parameters already checked. */
export interface DetectorDefinition {
  readonly name: string;
  readonly services: Selector;
  /** Only services that run there; signals of one name come from several platforms. Absent: wherever they run. */
  readonly runsOn?: 'host' | 'ssh' | 'kubernetes' | 'aws' | 'azure' | 'gcp';
  /** The signal it watches; for kinds without one (`event`, `external`), empty. */
  readonly on: string;
  readonly kind: string;
  readonly params: Json;
  readonly afterChange: AfterChange;
  readonly changesOf: readonly ChangesOf[];
  /** It must be bad this long before the alert fires. */
  readonly holdMs: number;
  /** It must be good this long before the alert resolves. */
  readonly clearMs: number;
  readonly severity: Severity;
  readonly mode: DetectorMode;
  /** Digest of the document: state saved under another digest is not reused. */
  readonly digest: string;
}

/** An Escalation document, parsed: who is told, in which order, and who may consent. */
export interface Escalation {
  readonly name: string;
  readonly steps: readonly EscalationStep[];
  /** Group → principals: `group:payments-oncall` → `cli:ana`, `oidc:ana@example.com`. */
  readonly approvers: Readonly<Record<string, readonly string[]>>;
  /** Until when news that is this grave waits for its digest, in quiet hours; `undefined` when it is told at once. */
  readonly holds?: (severity: Severity, nowMs: number) => number | undefined;
}

/** Whom to tell, and how long to wait for an answer. */
export interface EscalationStep {
  readonly notify: readonly { readonly channel: string; readonly address: string }[];
  /** How long to wait for an answer before the next step. */
  readonly waitMs: number;
}
