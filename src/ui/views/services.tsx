import { useState } from 'preact/hooks';

import { measured } from '../../lib/measure.ts';
import type { ServiceNow } from '../wire.ts';
import { Card, Empty, Go, State, Text, Trouble, ViewHead, Waiting, When } from '../parts/basic.tsx';
import { Spark } from '../parts/chart.tsx';
import { useResource } from '../net/resource.ts';
import { count, labelText } from '../lib/words.ts';

const mostSignals = 5;

/** Every service that is watched: who owns it, how it is, what changed. */
export function ServicesView() {
  const { value, error } = useResource<{ readonly services: readonly ServiceNow[] }>('/api/v1/services');
  const [words, setWords] = useState('');
  const wanted = words.trim().toLowerCase();
  const found = value?.services.filter(({ name, team, state }) =>
    [name, team, state].some((text) => text.toLowerCase().includes(wanted)),
  );
  return (
    <div class="view">
      <ViewHead title="Services" sub={found === undefined ? undefined : `${count(found.length, 'service')} shown`} />
      <div class="filters">
        <label>
          Name, team or state
          <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </label>
      </div>
      {error === undefined ? null : <Trouble error={error} />}
      {value === undefined && error === undefined ? <Waiting /> : null}
      {found?.length === 0 ? <Empty>No service fits.</Empty> : null}
      <div class="services">
        {found?.map((one) => (
          <One key={one.name} service={one} />
        ))}
      </div>
    </div>
  );
}

function One({ service }: { readonly service: ServiceNow }) {
  const change = service.changes.at(-1);
  const more = service.signals.length - mostSignals;
  return (
    <Card title={service.name} side={<State kind="services" of={service.state} />}>
      <p class="soft small">
        <Text>{service.because}</Text>
      </p>
      <div>
        {service.signals.slice(0, mostSignals).map((signal) => (
          <div class="signal-line" key={signal.seriesKey}>
            <span>
              <Text>{signal.signal}</Text> <span class="soft small">{labelText(signal.labels)}</span>
            </span>
            <span class="value">
              {signal.latest === undefined ? 'not known' : measured(signal.latest.v, signal.unit)}
            </span>
            <Spark signal={signal} />
          </div>
        ))}
        {more > 0 ? <p class="soft small">and {more} more</p> : null}
      </div>
      <p class="small">
        Owner: <Text>{service.team}</Text>
        {change === undefined ? null : (
          <>
            {' '}
            · last change: <Text>{`${change.kind} ${change.to ?? change.what}`}</Text>,{' '}
            <When atMs={change.atMs} still />
          </>
        )}
      </p>
      <Go to={{ view: 'service', name: service.name }}>
        All of <Text>{service.name}</Text>
      </Go>
    </Card>
  );
}
