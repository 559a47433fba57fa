import type { Decision } from '../../domain/authority.ts';
import { shown } from '../lib/states.ts';
import { Badge, Facts, State, Text, When } from './basic.tsx';

/** What policy said of a plan, the rule that decided, and every rule that was asked. */
export function DecisionView({ decision, brief = false }: { readonly decision: Decision; readonly brief?: boolean }) {
  const asked = decision.considered.filter(({ says }) => says !== 'not-applicable');
  return (
    <>
      <Facts
        of={[
          [
            'Verdict',
            <>
              <State kind="decisions" of={decision.outcome} />
              {decision.outcome === 'deny' && decision.approval !== undefined ? ' unless a person consents' : ''}
            </>,
          ],
          ['Decided by', <code>{decision.decidedBy}</code>],
          ...(decision.code === undefined ? [] : [['Reason code', <code>{decision.code}</code>] as const]),
          ...(brief ? [] : [because(decision)]),
          ['Decided', <When atMs={decision.atMs} />],
        ]}
      />
      <details>
        <summary>
          All {decision.considered.length} rules that were looked at, {asked.length} of them with something to say
        </summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="Rules that were looked at">
          <table class="stack">
            <thead>
              <tr>
                <th scope="col">Rule</th>
                <th scope="col">Says</th>
                <th scope="col">Because</th>
              </tr>
            </thead>
            <tbody>
              {decision.considered.map((one) => (
                <tr>
                  <th scope="row">
                    <code>{one.rule}</code>
                  </th>
                  <td>
                    {one.says === 'not-applicable' ? (
                      <span class="soft">nothing</span>
                    ) : (
                      <Badge is={shown('decisions', one.says)} />
                    )}
                  </td>
                  <td>
                    <Text>{one.because}</Text>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function because({ reasons }: Decision) {
  return [
    'Because',
    <ul>
      {reasons.map((reason) => (
        <li key={reason}>
          <Text>{reason}</Text>
        </li>
      ))}
    </ul>,
  ] as const;
}
