import type { Evidence, Hypothesis } from '../../domain/diagnosis.ts';
import type { IncidentWhole } from '../wire.ts';
import { percent } from '../lib/words.ts';
import { Card, Text } from './basic.tsx';
import { Icon } from './icon.tsx';

/** What the likely causes are, with what speaks for each and against it. */
export function Causes({ of: { file } }: { readonly of: IncidentWhole }) {
  const diagnosis = file?.diagnosis;
  if (diagnosis === undefined) return null;
  const [first, ...others] = diagnosis.hypotheses.filter(({ ruledOut }) => ruledOut === undefined);
  const ruledOut = diagnosis.hypotheses.filter((one) => one.ruledOut !== undefined);
  return (
    <Card
      title={diagnosis.verdict === 'conclusive' ? 'Likely cause' : 'Cause not certain'}
      side={
        <span class="soft small">
          {diagnosis.verdict === 'conclusive' ? `${percent(diagnosis.confidence)} confident` : 'inconclusive'}
        </span>
      }
    >
      <p>
        <Text>{diagnosis.summary}</Text>
      </p>
      {diagnosis.needed === undefined ? null : (
        <p>
          <strong>What would decide it: </strong>
          <Text>{diagnosis.needed}</Text>
        </p>
      )}
      {first === undefined ? null : <One hypothesis={first} />}
      {others.length + ruledOut.length === 0 ? null : (
        <details>
          <summary>
            {others.length} other {others.length === 1 ? 'explanation' : 'explanations'}, {ruledOut.length} ruled out
          </summary>
          <div class="body">
            {[...others, ...ruledOut].map((one) => (
              <One key={one.id} hypothesis={one} />
            ))}
          </div>
        </details>
      )}
      {diagnosis.gaps.length === 0 ? null : (
        <p class="soft small">
          Could not be read:{' '}
          <Text>{diagnosis.gaps.map(({ source, message }) => `${source}: ${message}`).join('; ')}</Text>
        </p>
      )}
    </Card>
  );
}

function One({ hypothesis }: { readonly hypothesis: Hypothesis }) {
  const { title, confidence, ruledOut } = hypothesis;
  return (
    <div>
      <h3>
        <Text>{title}</Text>{' '}
        <span class="soft small">{ruledOut === undefined ? percent(confidence) : 'ruled out'}</span>
      </h3>
      {ruledOut === undefined ? null : (
        <p class="soft">
          <Text>{ruledOut}</Text>
        </p>
      )}
      <div class={hypothesis.against.length === 0 ? '' : 'halves'}>
        <Side title="For" of={hypothesis.for} />
        <Side title="Against" of={hypothesis.against} />
      </div>
    </div>
  );
}

function Side({ title, of }: { readonly title: 'For' | 'Against'; readonly of: readonly Evidence[] }) {
  return (
    <div>
      <h4 class="soft">{title} it</h4>
      {of.length === 0 ? (
        <p class="soft small">Nothing was found.</p>
      ) : (
        <ul class={`evidence ${title.toLowerCase()}`}>
          {of.map((one) => (
            <li key={one.id}>
              <Icon name={title === 'For' ? 'plus' : 'minus'} />
              <span>
                <Text>{one.text}</Text>
                {one.refutedBy === undefined ? null : (
                  <span class="soft small">
                    {' '}
                    Would be refuted by: <Text>{one.refutedBy}</Text>
                  </span>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
