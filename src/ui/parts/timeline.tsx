import type { TimelineEntry } from '../../domain/alert.ts';
import { Card, Go, Text, When } from './basic.tsx';

const most = 200;

/** The story, the newest first, each line with the ledger entry that proves it. */
export function Timeline({ lines }: { readonly lines: readonly TimelineEntry[] }) {
  const shown = [...lines].reverse().slice(0, most);
  return (
    <Card title="Timeline">
      <ol class="timeline">
        {shown.map((line, at) => (
          <li key={`${line.atMs} ${at}`}>
            <p>
              <Text>{line.text}</Text>
            </p>
            <p class="meta">
              <When atMs={line.atMs} clock />
              <span>{line.kind}</span>
              {line.ledgerSeq === undefined ? null : (
                <Go to={{ view: 'ledger', seq: line.ledgerSeq }}>ledger entry {line.ledgerSeq}</Go>
              )}
            </p>
          </li>
        ))}
      </ol>
      {lines.length > most ? <p class="soft small">{lines.length - most} older lines are in the ledger.</p> : null}
    </Card>
  );
}
