import { useState } from 'preact/hooks';

import { Card, Empty, Trouble, ViewHead, Waiting } from '../parts/basic.tsx';
import { IncidentRows } from '../parts/incident-rows.tsx';
import { useResource } from '../net/resource.ts';
import { count } from '../lib/words.ts';
import type { IncidentBrief, IncidentPage } from '../wire.ts';

const step = 50;
const most = 1_000;

/** Incidents, open ones or all that are kept; the newest first. */
export function IncidentsView() {
  const [all, setAll] = useState(false);
  const [limit, setLimit] = useState(step);
  const [words, setWords] = useState('');
  const { value, error } = useResource<IncidentPage>(`/api/v1/incidents?limit=${limit}&status=${all ? 'all' : 'open'}`);
  const found = value?.incidents.filter((one) => fits(one, words.trim().toLowerCase()));
  const full = value !== undefined && value.incidents.length >= limit && limit < most;
  return (
    <div class="view">
      <ViewHead title="Incidents" sub={found === undefined ? undefined : `${count(found.length, 'incident')} shown`} />
      <div class="filters">
        <div class="seg" role="group" aria-label="Which incidents">
          <button type="button" aria-pressed={!all} onClick={() => setAll(false)}>
            Open
          </button>
          <button type="button" aria-pressed={all} onClick={() => setAll(true)}>
            All that are kept
          </button>
        </div>
        <label>
          Service, title or id
          <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </label>
      </div>
      {error === undefined ? null : <Trouble error={error} />}
      <Card title={all ? 'All that are kept' : 'Open'} flush>
        {found === undefined ? <Waiting /> : <List incidents={found} all={all} />}
      </Card>
      {full ? (
        <div class="buttons">
          <button type="button" onClick={() => setLimit(Math.min(most, limit * 2))}>
            Show older ones
          </button>
        </div>
      ) : null}
    </div>
  );
}

function List({ incidents, all }: { readonly incidents: readonly IncidentBrief[]; readonly all: boolean }) {
  if (incidents.length > 0) return <IncidentRows incidents={incidents} />;
  return <Empty>{all ? 'No incident fits.' : 'Nothing is open.'}</Empty>;
}

function fits(incident: IncidentBrief, words: string): boolean {
  const { title, services, id, severity, status } = incident;
  return words === '' || [title, ...services, id, severity, status].some((text) => text.toLowerCase().includes(words));
}
