import type { ComponentChildren } from 'preact';

import type { LedgerHead } from '../wire.ts';
import type { Verified } from '../ledger/note.ts';
import type { VerifiedHead } from '../net/verifier.ts';
import { Card, Facts, Text } from './basic.tsx';
import { Icon } from './icon.tsx';

/** What this browser itself made of the newest checkpoint. Green only when its own calculation came out. */
export function HeadVerdict(props: {
  readonly head: LedgerHead;
  readonly verified: Verified<VerifiedHead> | undefined;
  readonly able: boolean;
}) {
  const { head, verified, able } = props;
  return (
    <>
      <div role="status">
        {!able ? (
          <Verdict tone="" icon="question" title="Not verified by this browser">
            Browsers verify signatures only over HTTPS or on the machine itself. Open the page that way, or run
            "watchkeeper ledger verify".
          </Verdict>
        ) : verified === undefined ? (
          <Verdict tone="" icon="dots" title="Verifying …">
            This browser is recomputing the signature.
          </Verdict>
        ) : verified.ok ? (
          <Verdict tone="good" icon="check" title="Signature verified by this browser">
            {verified.value.checkpoint.size.toLocaleString('en')} entries, signed by{' '}
            <Text>{verified.value.checkpoint.signedBy}</Text>.
            {verified.value.seenAt === undefined
              ? ' This browser sees this ledger for the first time, and will remember its key and size.'
              : ` It follows what this browser saw before, at ${verified.value.seenAt.toLocaleString('en')} entries, under the same key.`}
          </Verdict>
        ) : (
          <Verdict tone="bad" icon="incidents" title="Not genuine">
            <Text>{verified.because}</Text>. Do not trust what is listed below. Keep a copy of the data folder, and run
            "watchkeeper ledger verify".
          </Verdict>
        )}
      </div>
      <Card title="Checkpoint">
        <Facts
          of={[
            ['Entries', head.size.toLocaleString('en')],
            ['Root', <span class="hash">{verified?.ok === true ? verified.value.root : head.checkpoint.rootHex}</span>],
            ['Key', <span class="hash">{head.vkey}</span>],
          ]}
        />
        <details>
          <summary>The signed note (C2SP tlog-checkpoint)</summary>
          <pre class="json">{head.checkpoint.note}</pre>
        </details>
      </Card>
    </>
  );
}

/** A verdict one cannot overlook. */
export function Verdict(props: {
  readonly tone: 'good' | 'bad' | '';
  readonly icon: 'check' | 'incidents' | 'question' | 'dots';
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class={`verdict ${props.tone}`}>
      <Icon name={props.icon} size={20} />
      <div>
        <strong>{props.title}</strong>
        {props.children}
      </div>
    </div>
  );
}
