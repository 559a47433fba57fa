import { useId, useState } from 'preact/hooks';

import { Card, Empty, Trouble, ViewHead, Waiting } from '../parts/basic.tsx';
import { IncidentRows } from '../parts/incident-rows.tsx';
import { overview } from '../net/overview.ts';
import { useResource } from '../net/resource.ts';
import type { IncidentPage } from '../wire.ts';

const page = 50;
const statuses = { open: 'Open', resolved: 'Resolved', all: 'All that are kept' } as const;

interface Filter {
  readonly status: keyof typeof statuses;
  readonly severity: string;
  readonly service: string;
}

/** Incidents, a page at a time, the newest first. */
export function IncidentsView() {
  const [filter, setFilter] = useState<Filter>({ status: 'open', severity: '', service: '' });
  // Where each page began that was turned over to come here.
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const { value, error } = useResource<IncidentPage>(addressOf(filter, cursors.at(-1)));
  const change = (part: Partial<Filter>): void => {
    setFilter({ ...filter, ...part });
    setCursors([]);
  };
  const next = value?.next;
  return (
    <div class="view">
      <ViewHead title="Incidents" />
      <Filters filter={filter} change={change} />
      {error === undefined ? null : <Trouble error={error} />}
      <Card
        title={statuses[filter.status]}
        side={
          <div class="buttons">
            <button type="button" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
              Newer
            </button>
            <button
              type="button"
              disabled={next === undefined}
              onClick={() => setCursors(next === undefined ? cursors : [...cursors, next])}
            >
              Older
            </button>
          </div>
        }
        flush
      >
        <List page={value} />
      </Card>
    </div>
  );
}

function List({ page: found }: { readonly page: IncidentPage | undefined }) {
  if (found === undefined) return <Waiting />;
  if (found.incidents.length > 0) return <IncidentRows incidents={found.incidents} />;
  return (
    <Empty>{found.next === undefined ? 'None.' : 'None on this page; there are older ones to look through.'}</Empty>
  );
}

function Filters({ filter, change }: { readonly filter: Filter; readonly change: (part: Partial<Filter>) => void }) {
  const [first, second, third] = [useId(), useId(), useId()];
  return (
    <div class="filters">
      <div class="seg" role="group" aria-label="Which incidents">
        {Object.entries(statuses).map(([status, word]) => (
          <button
            key={status}
            type="button"
            aria-pressed={filter.status === status}
            onClick={() => change({ status: status as Filter['status'] })}
          >
            {word}
          </button>
        ))}
      </div>
      <label htmlFor={first}>
        Severity
        <select
          id={first}
          value={filter.severity}
          onChange={(event) => change({ severity: event.currentTarget.value })}
        >
          <option value="">any</option>
          {['critical', 'warning', 'info'].map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      <label htmlFor={second}>
        Service
        <input
          id={second}
          type="search"
          list={third}
          value={filter.service}
          onChange={(event) => change({ service: event.currentTarget.value.trim() })}
        />
        <datalist id={third}>
          {overview.value?.services.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
    </div>
  );
}

function addressOf({ status, severity, service }: Filter, cursor: string | undefined): string {
  const query = new URLSearchParams({ limit: String(page), status });
  if (severity !== '') query.set('severity', severity);
  if (service !== '') query.set('service', service);
  if (cursor !== undefined) query.set('cursor', cursor);
  return `/api/v1/incidents?${query.toString()}`;
}
