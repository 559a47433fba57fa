import { measured } from '../../lib/measure.ts';
import { useResource } from '../net/resource.ts';
import type { ServiceBrief, ServiceNow, Signal } from '../wire.ts';
import { Card, Empty, Go, State, Text, When } from './basic.tsx';
import { Spark } from './chart.tsx';

const order: Readonly<Record<ServiceNow['state'], number>> = { firing: 0, unknown: 1, pending: 2, ok: 3 };
const most = 40;

/** Services at a glance, those in trouble first. Of a fleet the first ones, and without their courses. */
export function ServiceTable({ services }: { readonly services: readonly ServiceBrief[] }) {
  const { value } = useResource<{ readonly services: readonly ServiceNow[] }>(
    services.length > 0 && services.length <= most ? '/api/v1/services' : undefined,
  );
  const whole = new Map(value?.services.map((one) => [one.name, one]));
  const sorted = [...services].sort((a, b) => order[a.state] - order[b.state] || (a.name < b.name ? -1 : 1));
  return (
    <Card title="Services" side={<Go to={{ view: 'services' }}>All services</Go>} flush>
      {sorted.length === 0 ? (
        <Empty>No service is watched yet.</Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Services at a glance">
          <table class="stack">
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col">State</th>
                <th scope="col">Signal</th>
                <th scope="col" class="number">
                  Now
                </th>
                <th scope="col">Course</th>
                <th scope="col">Last change</th>
              </tr>
            </thead>
            <tbody>
              {sorted.slice(0, most).map((one) => (
                <Row key={one.name} brief={one} whole={whole.get(one.name)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Row({ brief, whole }: { readonly brief: ServiceBrief; readonly whole: ServiceNow | undefined }) {
  const signal = whole === undefined ? undefined : leading(whole);
  const change = whole?.changes.at(-1);
  return (
    <tr>
      <th scope="row">
        <Go to={{ view: 'service', name: brief.name }}>
          <Text>{brief.name}</Text>
        </Go>
      </th>
      <td>
        <State kind="services" of={brief.state} />
      </td>
      <td>{signal === undefined ? <span class="soft small">{brief.because}</span> : <Text>{signal.signal}</Text>}</td>
      <td class="number">{signal?.latest === undefined ? '' : measured(signal.latest.v, signal.unit)}</td>
      <td>{signal === undefined ? null : <Spark signal={signal} />}</td>
      <td>
        {change === undefined ? null : (
          <>
            <Text>{`${change.kind} ${change.to ?? change.what}`}</Text>, <When atMs={change.atMs} still />
          </>
        )}
      </td>
    </tr>
  );
}

/** The signal that says most: what an alert is about, else errors, else latency, else the first. */
function leading({ signals, alerts }: ServiceNow): Signal | undefined {
  const about = alerts.find(({ status }) => status !== 'resolved')?.signal;
  for (const name of [about, 'errors', 'latency']) {
    const found = signals.find(({ signal }) => signal === name);
    if (found) return found;
  }
  return signals[0];
}
