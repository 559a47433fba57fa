import * as z from 'zod';

import type { LedgerView } from '../../agent/index.ts';
import type { Checkpoint, LedgerEntry, LedgerEntryType, LedgerSubject } from '../../domain/ledger.ts';
import { named, zJsonObject, zMs } from './common.ts';

const zSubject = named<LedgerSubject>('LedgerSubject', 'Who an entry speaks of.', {
  incident: z.string().exactOptional(),
  plan: z.string().exactOptional(),
  execution: z.string().exactOptional(),
  step: z.string().exactOptional(),
  service: z.string().exactOptional(),
  runbook: z.string().exactOptional(),
  policy: z.string().exactOptional(),
});

/** An entry as it stands in the tree. */
export const zLedgerEntry = named<LedgerEntry>('LedgerEntry', 'An entry; its canonical JSON is the leaf.', {
  v: z.literal(1),
  seq: z.int(),
  type: z.string().meta({ description: 'See docs/formats.md.' }) as unknown as z.ZodType<LedgerEntryType>,
  atMs: zMs,
  actor: z.string(),
  epoch: z.int(),
  subject: zSubject,
  body: zJsonObject,
  commitment: z.string().exactOptional(),
});

const zCheckpoint = named<Checkpoint>('Checkpoint', 'A C2SP tlog-checkpoint; note is the signed text.', {
  origin: z.string(),
  size: z.int(),
  rootHex: z.string(),
  note: z.string(),
});

/** How far the ledger has come. */
export const zLedgerView = named<LedgerView>('LedgerView', 'How far the ledger has come, and the keys that prove it.', {
  size: z.int(),
  checkpoint: zCheckpoint,
  vkey: z.string().meta({ description: 'Verifier keys in note form, one a line.' }),
});
