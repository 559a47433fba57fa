import { measured } from '../../lib/measure.ts';
import type { ServiceNow, Signal } from '../wire.ts';
import { Card, Empty, Go, State, Text, When } from './basic.tsx';
import { Spark } from './chart.tsx';

const order: Readonly<Record<ServiceNow['state'], number>> = { firing: 0, unknown: 1, pending: 2, ok: 3 };
const most = 40;

/** Services at a glance, those in trouble first. */
export function ServiceTable({ services }: { readonly services: readonly ServiceNow[] }) {
  const sorted = [...services].sort((a, b) => order[a.state] - order[b.state] || (a.name < b.name ? -1 : 1));
  return (
    <Card title="Services" side={<Go to={{ view: 'services' }}>All services</Go>} flush>
      {sorted.length === 0 ? (
        <Empty>No service is watched yet.</Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Services">
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
                <Row key={one.name} service={one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Row({ service }: { readonly service: ServiceNow }) {
  const signal = leading(service);
  const change = service.changes.at(-1);
  return (
    <tr>
      <th scope="row">
        <Go to={{ view: 'service', name: service.name }}>
          <Text>{service.name}</Text>
        </Go>
      </th>
      <td>
        <State kind="services" of={service.state} />
      </td>
      <td>{signal === undefined ? <span class="soft">none</span> : <Text>{signal.signal}</Text>}</td>
      <td class="number">
        {signal?.latest === undefined ? <span class="soft">not known</span> : measured(signal.latest.v, signal.unit)}
      </td>
      <td>{signal === undefined ? null : <Spark signal={signal} />}</td>
      <td>
        {change === undefined ? (
          <span class="soft">none seen</span>
        ) : (
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
