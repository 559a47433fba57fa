import { WatchkeeperError } from '../lib/errors.ts';
import { openCheckpoint } from './checkpoint.ts';
import type { NoteVerifier } from './note.ts';
import { Findings, type LedgerReport } from './report.ts';
import type { VerifiableLedger } from './fetch.ts';
import { Walk } from './walk.ts';

/**
 * Recomputes everything from the entries up: each leaf, each tile, the root, the signature; reads each entry, counts the
 * sequence, and checks each payload against its commitment. Streams bundle by bundle, so memory does not grow with the log.
 */
export async function verifyLedger(
  source: VerifiableLedger,
  keys: readonly NoteVerifier[],
  findings: Findings = new Findings(),
): Promise<LedgerReport> {
  const head = await readHead(source, keys, findings);
  if (head === undefined)
    return { ...summary(findings), origin: undefined, size: 0, rootHex: undefined, redacted: 0, payloads: 0 };
  const walk = new Walk(source, head.size, findings);
  await walk.run();
  walk.conclude(head.root);
  const { redacted, payloads } = walk;
  const rootHex = Buffer.from(head.root).toString('hex');
  return { ...summary(findings), origin: head.origin, size: head.size, rootHex, redacted, payloads };
}

function summary(findings: Findings): Pick<LedgerReport, 'ok' | 'problems' | 'problemCount'> {
  return { ok: findings.count === 0, problems: findings.list, problemCount: findings.count };
}

async function readHead(
  source: VerifiableLedger,
  keys: readonly NoteVerifier[],
  findings: Findings,
): Promise<ReturnType<typeof openCheckpoint> | undefined> {
  try {
    const head = openCheckpoint(await source.checkpoint(), keys);
    for (const [at, { name, keyId }] of head.note.signatures.entries())
      if (!keys.some((key) => key.name === name && key.keyId === keyId))
        findings.add({ file: 'checkpoint', message: `signature ${at + 1} is by a key that was not given (${name})` });
    for (const key of keys)
      if (key.name !== head.origin)
        findings.add({ file: 'checkpoint', message: `origin ${head.origin} is not the key's name, ${key.name}` });
    return head;
  } catch (thrown) {
    findings.add({ file: 'checkpoint', message: WatchkeeperError.from(thrown).message });
    return undefined;
  }
}
