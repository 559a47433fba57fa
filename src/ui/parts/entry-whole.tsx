import { useEffect, useState } from 'preact/hooks';

import type { ListedEntry } from '../wire.ts';
import type { Verified } from '../ledger/note.ts';
import type { Receipt } from '../ledger/receipt.ts';
import { verifyEntry, type VerifiedHead } from '../net/verifier.ts';
import { useResource } from '../net/resource.ts';
import { visible } from '../lib/words.ts';
import { Card, Empty, Facts, Go, Text, Trouble, Waiting, When } from './basic.tsx';
import { Verdict } from './head-verdict.tsx';

/** One entry: what stands in the leaf that was hashed, the proof that it is in the log, and its payload. */
export function EntryWhole({ seq, head }: { readonly seq: number; readonly head: Verified<VerifiedHead> | undefined }) {
  const { value, error } = useResource<{ readonly entries: readonly ListedEntry[] }>(
    `/api/v1/ledger/entries?from=${seq}&limit=1`,
  );
  const listed = value?.entries.find(({ entry }) => entry.seq === seq);
  const verdict = useReceipt(seq, listed, head);
  if (error !== undefined && value === undefined) return <Trouble error={error} />;
  if (value === undefined) return <Waiting />;
  if (listed === undefined) return <Empty>There is no such entry.</Empty>;
  const entry = verdict?.ok === true ? verdict.value.entry : listed.entry;
  const { incident } = entry.subject;
  const payload = verdict?.ok === true ? verdict.value.payload : undefined;
  return (
    <>
      <div role="status">
        <ReceiptVerdict verdict={verdict} />
      </div>
      <Card
        title="Entry"
        side={
          <span class="buttons">
            {seq > 0 ? <Go to={{ view: 'ledger', seq: seq - 1 }}>Before</Go> : null}
            <Go to={{ view: 'ledger', seq: seq + 1 }}>After</Go>
            <Go to={{ view: 'ledger' }}>All</Go>
          </span>
        }
      >
        <Facts
          of={[
            ['Type', entry.type],
            ['When', <When atMs={entry.atMs} />],
            ['By', <Text>{entry.actor}</Text>],
            ['Epoch', String(entry.epoch)],
            ...(incident === undefined
              ? []
              : [['Incident', <Go to={{ view: 'incident', id: incident }}>{incident}</Go>] as const]),
            ...(verdict?.ok === true
              ? [['Leaf hash', <span class="hash">{verdict.value.leafHash}</span>] as const]
              : []),
          ]}
        />
        <h3>Subject and body</h3>
        <pre class="json">{pretty({ subject: entry.subject, body: entry.body })}</pre>
        {payload === undefined ? (
          <p class="soft small">
            {entry.commitment === undefined
              ? 'It has no payload.'
              : verdict?.ok === true
                ? 'Its payload was erased. The commitment to it stays in the tree.'
                : 'Its payload is shown once it is verified.'}
          </p>
        ) : (
          <>
            <h3>Payload</h3>
            <p class="soft small">
              It lies outside the tree, under a salted commitment (HMAC-SHA256) that this browser recomputed too.
            </p>
            <pre class="json">{pretty(payload)}</pre>
          </>
        )}
      </Card>
    </>
  );
}

function ReceiptVerdict({ verdict }: { readonly verdict: Verified<Receipt> | undefined }) {
  if (verdict === undefined)
    return (
      <Verdict tone="" icon="dots" title="Verifying …">
        This browser is recomputing the proof, if it can.
      </Verdict>
    );
  if (!verdict.ok)
    return (
      <Verdict tone="bad" icon="incidents" title="Not genuine">
        <Text>{verdict.because}</Text>.
      </Verdict>
    );
  const { hashes, checkpoint } = verdict.value;
  return (
    <Verdict tone="good" icon="check" title="Verified by this browser">
      From this entry and {hashes} hashes beside its path it recomputed the root of the log of{' '}
      {checkpoint.size.toLocaleString('en')} entries, and that root is the one <Text>{checkpoint.signedBy}</Text>{' '}
      signed.
    </Verdict>
  );
}

function pretty(value: unknown): string {
  return visible(JSON.stringify(value, undefined, 2));
}

function useReceipt(
  seq: number,
  listed: ListedEntry | undefined,
  head: Verified<VerifiedHead> | undefined,
): Verified<Receipt> | undefined {
  const [known, setKnown] = useState<{ readonly seq: number; readonly verdict: Verified<Receipt> }>();
  const ready = head?.ok === true && listed !== undefined;
  useEffect(() => {
    if (!ready) return undefined;
    let left = false;
    void verifyEntry(seq, listed, head.value.keys).then((verdict) => {
      if (!left) setKnown({ seq, verdict });
    });
    return () => {
      left = true;
    };
  }, [seq, ready]);
  if (head?.ok === false) return { ok: false, because: 'the checkpoint above it is not genuine' };
  return known?.seq === seq ? known.verdict : undefined;
}
