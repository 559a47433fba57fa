import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { endpoint, ok, type Endpoint } from '../endpoint.ts';
import { list, zJson } from '../schemas/common.ts';
import { zLedgerEntry, zLedgerView } from '../schemas/ledger.ts';
import { zEntryProof } from '../schemas/pages.ts';
import { zCount, zWhole } from '../values.ts';

const zEntry = z.object({ entry: zLedgerEntry, payload: zJson.exactOptional() });

/** The log of everything that was decided and done. */
export const ledger: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/api/v1/ledger',
    id: 'getLedger',
    tag: 'ledger',
    summary: 'Its size, its newest checkpoint and the keys that verify it.',
    needs: 'read',
    answers: { 200: { description: 'The checkpoint.', schema: zLedgerView } },
    handle: async ({ agent }) => ok(await agent.ledger()),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/ledger/entries',
    id: 'listLedgerEntries',
    tag: 'ledger',
    summary: 'Entries in order, with those payloads that are still kept.',
    needs: 'read',
    query: z.strictObject({
      from: zCount(0, Number.MAX_SAFE_INTEGER, 'The number of the first one.'),
      limit: zCount(100, limits.ledgerBatchEntries, `How many, at most ${limits.ledgerBatchEntries}.`),
    }),
    answers: { 200: { description: 'Entries.', schema: z.object({ entries: list(zEntry) }) } },
    handle: async ({ agent, query }) => ok({ entries: await agent.ledgerEntries(query.from, query.limit) }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/ledger/entries/{seq}',
    id: 'getLedgerEntry',
    tag: 'ledger',
    summary: 'One entry with its leaf, its inclusion proof, the signed checkpoint, and what opens its payload.',
    description: 'Everything a reader needs to recompute it, without believing this answer.',
    needs: 'read',
    params: z.strictObject({ seq: zWhole }),
    answers: { 200: { description: 'The entry and its proof.', schema: zEntryProof } },
    handle: async ({ agent, params }) => ok(await agent.ledgerEntry(params.seq)),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/ledger/proof/{seq}',
    id: 'getLedgerProof',
    tag: 'ledger',
    summary: 'A C2SP tlog-proof: one entry with its inclusion proof and the signed checkpoint.',
    needs: 'read',
    params: z.strictObject({ seq: zWhole }),
    answers: { 200: { description: 'The proof.', schema: z.string(), type: 'text/plain; charset=utf-8' } },
    handle: async ({ agent, params }) => ok(await agent.ledgerProof(params.seq)),
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/ledger/export',
    id: 'exportLedger',
    tag: 'ledger',
    summary: 'Writes the log as tlog-tiles into a folder on the machine of the daemon.',
    needs: 'export',
    body: z.strictObject({
      folder: z.string().min(1).max(4096).startsWith('/', 'an absolute path on the machine of the daemon'),
    }),
    answers: {
      200: {
        description: 'How many entries, and how many files were written.',
        schema: z.object({ size: z.int(), written: z.int() }),
      },
    },
    handle: async ({ agent, body }) => ok(await agent.ledgerExport(body.folder)),
  }),
];
