/**
 * The ledger: what the daemon decided, did, or decided not to do, in a log that nobody can quietly rewrite.
 *
 * Entries are leaves of an RFC 6962 Merkle tree; every commit signs the new tree head as a C2SP checkpoint. Whoever keeps one
 * checkpoint (a mirror file, a witness, an auditor's mail) can later prove that nothing before it was changed, dropped or
 * reordered, and anyone can be given a short receipt that one entry is in the log. The formats are public (tlog-tiles,
 * tlog-checkpoint, signed-note, tlog-proof), so other people's tools verify what we export.
 *
 * What is large, personal or secret is a payload: it stays outside the tree, under a salted commitment, and can be erased
 * for good without breaking a proof. The store keeps the bytes; this room knows what they mean.
 */
export { openLedger, storedCheckpoint } from './ledger.ts';
export type { LedgerHandle, LedgerOptions } from './ledger.ts';
export { loadOrCreateKey } from './key.ts';
export type { KeyOptions } from './key.ts';
export { fileMirror } from './mirror.ts';
export type { CheckpointMirror } from './mirror.ts';
export { parseSigner, parseVerifier, signerFromSeed } from './note.ts';
export type { NoteSigner, NoteVerifier } from './note.ts';
export { ledgerBegun, readIdentity } from './identity.ts';
export type { LedgerIdentity } from './identity.ts';
export { exportLedger } from './export.ts';
export type { ExportOptions, ExportResult } from './export.ts';
export { verifyExport } from './verify-export.ts';
export type { ExportedLedger } from './verify-export.ts';
export { verifyStore } from './verify-store.ts';
export type { VerifyOptions } from './verify-store.ts';
export type { LedgerProblem, LedgerReport } from './report.ts';
export { consistency, proveEntry, proveExportedInclusion, proveInclusion, verifyReceipt } from './receipt.ts';
export type { EntryProof, ReceiptContent } from './receipt.ts';
export { exportedSize, readExportedEntries, readStoredEntries } from './reading.ts';
export type { ReadEntry } from './reading.ts';
