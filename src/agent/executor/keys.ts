import { canonicalJson, digest, sha256Hex } from '../../lib/canonical.ts';
import type { Json } from '../../lib/json.ts';
import type { Plan } from '../../domain/remediation.ts';

/** Turns plain readonly data into Json. Loses nothing: domain types hold only what JSON can carry. */
export function asJson(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Sortable by the plan's time, and a function of the plan: starting a plan twice meets its own first record. */
export function executionId(plan: Plan): string {
  return `x-${plan.createdAtMs.toString(16).padStart(12, '0')}-${plan.id.slice(0, 16)}`;
}

/** SHA-256(plan, step, attempt), and `undo` when going back. */
export function idempotencyKey(planId: string, stepId: string, attempt: number, way: 'run' | 'undo' = 'run'): string {
  return sha256Hex(canonicalJson([planId, stepId, attempt, way]));
}

export { targetKey } from '../../domain/remediation.ts';

/** The digest of everything in a plan but its id: must equal the id, or somebody edited it. */
export function planDigest(plan: Plan): string {
  const { id: _id, ...rest } = plan;
  return digest(asJson(rest));
}
