import { useState } from 'preact/hooks';

import type { Plan } from '../../domain/remediation.ts';
import { formatDuration } from '../../lib/duration.ts';
import { post } from '../net/client.ts';
import { beat } from '../net/live.ts';
import { may, me } from '../net/overview.ts';
import { shortId } from '../lib/words.ts';
import type { AnswerResult, Pending } from '../wire.ts';
import { Facts, Text, When } from './basic.tsx';
import { Ask } from './dialog.tsx';
import { Icon } from './icon.tsx';

/** Who is asked, how many it takes, until when, and what happens when nobody answers. */
export function AskedOf({ pending }: { readonly pending: Pending }) {
  const { requirement, approvals } = pending;
  const from = pending.rung === 0 ? requirement.from : [...requirement.from, ...requirement.then];
  const given = approvals.filter(({ verdict }) => verdict === 'approve');
  return (
    <Facts
      of={[
        ['Asked', <Text>{from.join(', ')}</Text>],
        [
          'Wanted',
          `${requirement.need} of them; ${given.length} so far${requirement.notSelf ? '; not whoever proposed it' : ''}`,
        ],
        ['Expires', <When atMs={pending.expiresAtMs} />],
        ['If nobody answers', nobody(pending)],
        ...approvals.map(
          ({ by, verdict, atMs, via, comment }) =>
            [
              verdict === 'approve' ? 'Approved by' : 'Denied by',
              <>
                <Text>{by.id}</Text>, <When atMs={atMs} />, by way of {via}
                {comment === undefined ? null : (
                  <>
                    : <Text>{comment}</Text>
                  </>
                )}
              </>,
            ] as const,
        ),
      ]}
    />
  );
}

function nobody({ requirement, rung }: Pending): string {
  const next =
    rung === 0 && requirement.then.length > 0 ? `${requirement.then.join(', ')} will be asked as well; then ` : '';
  const end = requirement.finally === 'act' ? 'it is done' : 'nothing is done, and people are called';
  return `${next}${end}.`;
}

/** Approve and deny. Each asks once more, and names the plan it is about. */
export function AnswerButtons(props: {
  readonly pending: Pending;
  readonly plan: Plan | undefined;
  /** Whether the caller is among those asked; absent where that is not known. */
  readonly yours?: boolean | undefined;
}) {
  const { pending, plan, yours } = props;
  const [asking, setAsking] = useState<'approve' | 'deny'>();
  const [said, setSaid] = useState<string>();
  const name = shortId(pending.planId);
  const act = async (comment: string): Promise<void> => {
    const result = await post<AnswerResult>(`/api/v1/approvals/${encodeURIComponent(pending.planId)}`, {
      verdict: asking ?? 'deny',
      ...(comment === '' ? {} : { comment }),
    });
    beat();
    if (result.is === 'refused') throw new Error(`Not taken: ${result.message}`);
    setSaid(result.message);
  };
  if (!may('answer')) return <p class="soft">Your role ({me.value?.role ?? 'not known'}) may look, and not answer.</p>;
  return (
    <>
      {yours === false ? (
        <p class="soft">You are not among those asked, or have answered: your answer may not count.</p>
      ) : null}
      <div class="buttons">
        <button type="button" class="main" onClick={() => setAsking('approve')}>
          <Icon name="check" /> Approve plan {name}
        </button>
        <button type="button" class="bad" onClick={() => setAsking('deny')}>
          <Icon name="cross" /> Deny
        </button>
      </div>
      <p role="status">{said === undefined ? null : <Text>{said}</Text>}</p>
      {asking === undefined ? null : (
        <Ask
          title={asking === 'approve' ? `Approve plan ${name}?` : `Deny plan ${name}?`}
          confirm={asking === 'approve' ? `Approve plan ${name}` : `Deny plan ${name}`}
          {...(asking === 'deny' ? { tone: 'bad' as const } : {})}
          comment={{ label: 'Comment (optional; it stands in the ledger)', must: false }}
          act={act}
          onClose={() => setAsking(undefined)}
        >
          <Facts
            of={[
              ['Plan', <code>{pending.planId}</code>],
              ['Runbook', <Text>{`${pending.runbook} on ${pending.service}`}</Text>],
              [
                'It does',
                plan === undefined ? (
                  'see the incident'
                ) : (
                  <ul>
                    {plan.steps.map((step) => (
                      <li key={step.id}>
                        <Text>{step.describe}</Text>
                      </li>
                    ))}
                  </ul>
                ),
              ],
            ]}
          />
          <Consequence verdict={asking} lastsMs={pending.requirement.expiresMs} />
        </Ask>
      )}
    </>
  );
}

function Consequence({ verdict, lastsMs }: { readonly verdict: 'approve' | 'deny'; readonly lastsMs: number }) {
  return (
    <p class="soft small">
      {verdict === 'approve'
        ? `Policy is asked again right before each step. Your consent is for this plan only and lasts ${formatDuration(lastsMs)} at the most.`
        : 'A single denial ends the question: this plan is not carried out.'}
    </p>
  );
}
