import type { SourceNow, Status } from '../wire.ts';
import { shown } from '../lib/states.ts';
import { rough } from '../lib/time.ts';
import { shortId } from '../lib/words.ts';
import { Badge, Card, Facts, Text, When } from './basic.tsx';

/** What the watch reads and how well, and the rules in force. */
export function Sources({ status }: { readonly status: Status }) {
  const { resources, replica, version, ledger } = status;
  return (
    <>
      <Card title="What the watch reads" flush>
        <div class="scroll" tabIndex={0} role="region" aria-label="Sources">
          <table class="stack">
            <thead>
              <tr>
                <th scope="col">Source</th>
                <th scope="col">State</th>
                <th scope="col">Last answer</th>
                <th scope="col">Asked every</th>
              </tr>
            </thead>
            <tbody>
              {status.sources.map((one) => (
                <Row key={one.id} source={one} />
              ))}
            </tbody>
          </table>
        </div>
      </Card>
      <Card title="Rules in force">
        <Facts
          of={[
            [
              'Documents',
              <Text>
                {Object.entries(resources.counts)
                  .map(([kind, many]) => `${kind} ${many}`)
                  .join(' · ')}
              </Text>,
            ],
            [
              'Loaded',
              <>
                <When atMs={resources.loadedAtMs} />, digest <code>{shortId(resources.digest)}</code>
              </>,
            ],
            ...(resources.ok ? [] : [['Problems', <Problems of={resources.problems} />] as const]),
            ['Ledger', <code>{ledger.origin}</code>],
            ...(replica === undefined
              ? []
              : [['Replica', `${replica.name}, ${replica.role}, epoch ${replica.epoch}`] as const]),
            ['Version', version],
          ]}
        />
      </Card>
    </>
  );
}

function Problems({ of }: { readonly of: readonly string[] }) {
  return (
    <ul class="error">
      {of.map((problem) => (
        <li key={problem}>
          <Text>{problem}</Text>
        </li>
      ))}
    </ul>
  );
}

function Row({ source }: { readonly source: SourceNow }) {
  const { gaps, lastAnswerMs } = source;
  const silent = lastAnswerMs === undefined;
  return (
    <tr>
      <th scope="row">
        <Text>{source.id}</Text> <span class="soft small">{source.kind}</span>
      </th>
      <td>
        {silent ? (
          <Badge is={{ word: 'no answer yet', tone: 'open', icon: 'question' }} />
        ) : gaps.length === 0 ? (
          <Badge is={{ ...shown('services', 'ok'), word: 'answers' }} />
        ) : (
          <>
            <Badge is={{ word: `${gaps.length} cannot be read`, tone: 'warn', icon: 'incidents' }} />
            <ul class="small">
              {gaps.slice(0, 4).map((gap) => (
                <li>
                  <Text>{`${gap.reason}: ${gap.message}`}</Text>
                </li>
              ))}
            </ul>
          </>
        )}
      </td>
      <td>{silent ? <span class="soft">never</span> : <When atMs={lastAnswerMs} still />}</td>
      <td>{rough(source.intervalMs)}</td>
    </tr>
  );
}
