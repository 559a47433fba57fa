import { useEffect, useState } from 'preact/hooks';

import type { LedgerSubject } from '../../domain/ledger.ts';
import type { ListedEntry } from '../wire.ts';
import type { Verified } from '../ledger/note.ts';
import type { Receipt } from '../ledger/receipt.ts';
import { canVerify, verifyEntry, type VerifiedHead } from '../net/verifier.ts';
import { shortId } from '../lib/words.ts';
import { Badge, Empty, Go, Text, When } from './basic.tsx';

type Verdicts = ReadonlyMap<number, Verified<Receipt>>;

/** Entries, each with what this browser's own recomputation came to. */
export function EntryTable(props: {
  readonly entries: readonly ListedEntry[];
  readonly head: Verified<VerifiedHead> | undefined;
}) {
  const { entries, head } = props;
  const verdicts = useVerdicts(entries, head);
  if (entries.length === 0) return <Empty>The ledger is empty.</Empty>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Ledger entries">
      <table class="stack">
        <thead>
          <tr>
            <th scope="col" class="number">
              No.
            </th>
            <th scope="col">Entry</th>
            <th scope="col">About</th>
            <th scope="col">By</th>
            <th scope="col">When</th>
            <th scope="col">This browser</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ entry }) => (
            <tr key={entry.seq}>
              <td class="number">{entry.seq}</td>
              <th scope="row">
                <Go to={{ view: 'ledger', seq: entry.seq }}>{entry.type}</Go>
              </th>
              <td>
                <Text>{about(entry.subject)}</Text>
              </td>
              <td>
                <Text>{entry.actor}</Text>
              </td>
              <td class="nowrap">
                <When atMs={entry.atMs} still />
              </td>
              <td>
                <EntryBadge verdict={verdicts.get(entry.seq)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What came of recomputing one entry. */
export function EntryBadge({ verdict }: { readonly verdict: Verified<Receipt> | undefined }) {
  if (!canVerify()) return <Badge is={{ word: 'not verified', tone: 'open', icon: 'question' }} />;
  if (verdict === undefined) return <Badge is={{ word: 'verifying', tone: 'note', icon: 'dots' }} />;
  if (verdict.ok) return <Badge is={{ word: 'verified', tone: 'good', icon: 'check' }} />;
  return (
    <>
      <Badge is={{ word: 'NOT GENUINE', tone: 'bad', icon: 'incidents' }} />
      <div class="small">
        <Text>{verdict.because}</Text>
      </div>
    </>
  );
}

/** Whom an entry speaks of, in a line. */
export function about({ service, runbook, incident, plan, step }: LedgerSubject): string {
  return [
    service,
    runbook,
    step,
    incident === undefined ? undefined : `incident ${shortId(incident)}`,
    plan === undefined ? undefined : `plan ${shortId(plan)}`,
  ]
    .filter((one) => one !== undefined)
    .join(' · ');
}

// One after the other: receipts are small, and the daemon has better things to do.
function useVerdicts(entries: readonly ListedEntry[], head: Verified<VerifiedHead> | undefined): Verdicts {
  const [verdicts, setVerdicts] = useState<Verdicts>(new Map());
  const keys = head?.ok === true ? head.value.keys.map(({ text }) => text).join('\n') : undefined;
  const names = entries.map(({ entry }) => entry.seq).join(' ');
  useEffect(() => {
    if (head === undefined) return undefined;
    let left = false;
    const run = async (): Promise<void> => {
      for (const listed of entries) {
        const { seq } = listed.entry;
        if (left) return;
        if (verdicts.get(seq)?.ok === true) continue;
        const verdict = head.ok
          ? await verifyEntry(seq, listed, head.value.keys)
          : ({ ok: false, because: 'the checkpoint above it is not genuine' } as const);
        setVerdicts((before) => new Map(before).set(seq, verdict));
      }
    };
    void run();
    return () => {
      left = true;
    };
  }, [names, keys, head?.ok]);
  return verdicts;
}
