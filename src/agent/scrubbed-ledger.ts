import type { LedgerDraft } from '../domain/ledger.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Scrubber } from '../io/index.ts';
import { asJson } from './records.ts';

/**
 * A ledger behind the scrubber (I13): what can hold text from outside (payloads, and the values of bodies) is scrubbed
 * before it is written, since nothing can be taken out of the tree afterwards. Rows of working state are not: they never
 * leave the store without passing another scrubber.
 */
export function scrubbedLedger(ledger: Ledger, scrubber: Scrubber): Ledger {
  const clean = (draft: LedgerDraft): LedgerDraft => ({
    ...draft,
    body: asJson(scrubber.value(draft.body)) as JsonObject,
    ...(draft.payload === undefined ? {} : { payload: asJson(scrubber.value(draft.payload)) }),
  });
  return {
    record: (batch) => ledger.record({ ...batch, drafts: batch.drafts.map(clean) }),
    size: () => ledger.size(),
    checkpoint: () => ledger.checkpoint(),
    entries: (fromSeq, limit) => ledger.entries(fromSeq, limit),
    payload: (seq) => ledger.payload(seq),
    flush: () => ledger.flush(),
  };
}
