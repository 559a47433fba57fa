import type { Json } from '../lib/json.ts';
import type { Labels } from './telemetry.ts';

/** The version of the format people write. */
export const apiVersion = 'watchkeeper.dev/v1alpha1';

/** The kinds of documents people write. */
export type DocumentKind = 'Service' | 'Detector' | 'Runbook' | 'Policy' | 'Escalation';

/** A Kubernetes-style document as loaded, before its room has parsed `spec`. */
export interface ResourceDocument {
  readonly apiVersion: typeof apiVersion;
  readonly kind: DocumentKind;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly spec: Json;
}
