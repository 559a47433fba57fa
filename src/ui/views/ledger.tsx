import { useEffect, useState } from 'preact/hooks';

import type { LedgerHead, ListedEntry } from '../wire.ts';
import { Card, Trouble, ViewHead, Waiting } from '../parts/basic.tsx';
import { EntryTable } from '../parts/entry-table.tsx';
import { EntryWhole } from '../parts/entry-whole.tsx';
import { HeadVerdict } from '../parts/head-verdict.tsx';
import type { Verified } from '../ledger/note.ts';
import { canVerify, verifyHead, type VerifiedHead } from '../net/verifier.ts';
import { useResource } from '../net/resource.ts';

const page = 25;

/** The ledger, verified by the browser that shows it. */
export function LedgerView({ seq }: { readonly seq?: number }) {
  const { value, error } = useResource<LedgerHead>('/api/v1/ledger');
  const verified = useHead(value);
  return (
    <div class="view">
      <ViewHead
        title={seq === undefined ? 'Ledger' : `Ledger entry ${seq}`}
        sub="What was decided and done, in a log that nobody can quietly rewrite. This browser recomputes it; it does not take the daemon's word."
      />
      {error === undefined ? null : <Trouble error={error} />}
      {value === undefined ? <Waiting /> : <HeadVerdict head={value} verified={verified} able={canVerify()} />}
      {value === undefined ? null : seq === undefined ? (
        <Entries size={value.size} head={verified} />
      ) : (
        <EntryWhole seq={seq} head={verified} />
      )}
    </div>
  );
}

function useHead(head: LedgerHead | undefined): Verified<VerifiedHead> | undefined {
  const [verified, setVerified] = useState<Verified<VerifiedHead>>();
  const note = head?.checkpoint.note;
  useEffect(() => {
    if (head === undefined || !canVerify()) return undefined;
    let left = false;
    void verifyHead(head).then((found) => {
      if (!left) setVerified(found);
    });
    return () => {
      left = true;
    };
  }, [note, head?.vkey]);
  return verified;
}

function Entries({ size, head }: { readonly size: number; readonly head: Verified<VerifiedHead> | undefined }) {
  // The page stays where it is while the log grows, unless it shows the newest.
  const [end, setEnd] = useState<number>();
  const until = Math.min(end ?? size, size);
  const from = Math.max(0, until - page);
  const { value, error } = useResource<{ readonly entries: readonly ListedEntry[] }>(
    size === 0 ? undefined : `/api/v1/ledger/entries?from=${from}&limit=${until - from}`,
  );
  const newer = until + page >= size ? undefined : until + page;
  return (
    <Card
      title={size === 0 ? 'Entries' : `Entries ${from} to ${until - 1}`}
      side={
        <div class="buttons">
          <button type="button" disabled={end === undefined} onClick={() => setEnd(newer)}>
            Newer
          </button>
          <button type="button" disabled={from === 0} onClick={() => setEnd(from)}>
            Older
          </button>
        </div>
      }
      flush
    >
      {error === undefined ? null : <Trouble error={error} />}
      {value === undefined ? <Waiting /> : <EntryTable entries={[...value.entries].reverse()} head={head} />}
    </Card>
  );
}
