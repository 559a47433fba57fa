import type { Decision } from '../../domain/authority.ts';
import type { LedgerDraft, LedgerEntryType } from '../../domain/ledger.ts';
import { canonicalJson, sha256Hex } from '../../lib/canonical.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { ExecutionRecord } from './types.ts';

/** A ledger entry about an execution. Sentences may quote the outside world, so they go into the erasable payload. */
export function draft(
  record: ExecutionRecord,
  type: LedgerEntryType,
  atMs: number,
  body: JsonObject,
  extra: { readonly step?: string; readonly message?: string | undefined } = {},
): LedgerDraft {
  const { plan } = record;
  return {
    type,
    actor: 'watchkeeper',
    atMs,
    subject: {
      incident: plan.incidentId,
      plan: plan.id,
      execution: record.id,
      service: plan.service,
      runbook: plan.runbook.name,
      ...(extra.step === undefined ? {} : { step: extra.step }),
    },
    body,
    ...(extra.message === undefined ? {} : { payload: { message: extra.message } }),
  };
}

/** The live decision in front of a step, as an entry of its own. */
export function decisionDraft(record: ExecutionRecord, decision: Decision, step: string, atMs: number): LedgerDraft {
  const body: JsonObject = {
    live: true,
    decision: decision.id,
    outcome: decision.outcome,
    decidedBy: decision.decidedBy,
    autonomy: decision.autonomy,
    policyDigest: decision.policyDigest,
    inputDigest: decision.inputDigest,
    ...(decision.code === undefined ? {} : { code: decision.code }),
  };
  return { ...draft(record, 'decision', atMs, body, { step }), payload: { reasons: decision.reasons } };
}

/** A value as the ledger shows it: itself when small, else its digest. Entries are bounded; what acts is not cut. */
export function shown(value: Json, maxBytes: number): Json {
  const text = canonicalJson(value);
  return text.length <= maxBytes ? value : { sha256: sha256Hex(text), bytes: text.length };
}

/** A step's parameters and what undo would need, for the erasable payload of its intent. */
export function intentPayload(describe: string, params: JsonObject, before: Json): Json {
  return {
    describe: describe.slice(0, limits.beforeShownBytes),
    params: shown(params, limits.beforeShownBytes),
    before: shown(before, limits.beforeShownBytes),
  };
}
