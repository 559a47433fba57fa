import type { Overview } from '../wire.ts';
import { Badge, Card, Empty, Facts, Text } from './basic.tsx';

/** What the watch reads and how well, and who it is. */
export function Sources({ overview }: { readonly overview: Overview }) {
  const { sources, replica, version, ledger, resources } = overview;
  return (
    <div class="halves">
      <Card title="What the watch reads" flush>
        {sources.length === 0 ? <Empty>Nothing yet.</Empty> : null}
        <ul class="rows">
          {sources.map((one) => (
            <li key={one.id} class="row">
              <span class="title">
                <span>
                  <Text>{one.id}</Text> <span class="soft small">{one.kind}</span>
                </span>
              </span>
              <span class="side">
                {one.ok ? (
                  <Badge is={{ word: 'answers', tone: 'good', icon: 'check' }} />
                ) : (
                  <Badge is={{ word: 'not in full', tone: 'warn', icon: 'incidents' }} />
                )}
              </span>
              {one.ok ? null : (
                <span class="sub">
                  <Text>{one.because}</Text>
                </span>
              )}
            </li>
          ))}
        </ul>
      </Card>
      <Card title="This watch">
        <Facts
          of={[
            ['Documents', resources.ok ? 'all in force' : <Text>{resources.problems.join('; ')}</Text>],
            ['Ledger', <code>{ledger.origin}</code>],
            ...(replica === undefined
              ? []
              : [['Replica', `${replica.name}, ${replica.role}, epoch ${replica.epoch}`] as const]),
            ['Version', version],
          ]}
        />
      </Card>
    </div>
  );
}
