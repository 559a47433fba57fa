import { shortId } from '../lib/words.ts';
import { rough } from '../lib/time.ts';
import type { IncidentBrief } from '../wire.ts';
import { Go, State, Text, When } from './basic.tsx';

/** Incidents, one a line. */
export function IncidentRows({ incidents }: { readonly incidents: readonly IncidentBrief[] }) {
  return (
    <ul class="rows">
      {incidents.map((one) => (
        <li key={one.id}>
          <Go to={{ view: 'incident', id: one.id }} class="row">
            <span class="title">
              <State kind="severities" of={one.severity} />
              <State kind="incidents" of={one.status} />
              <span>
                <Text>{one.title}</Text>
              </span>
            </span>
            <span class="side">
              <When atMs={one.openedAtMs} still />
            </span>
            <span class="sub">
              <Text>{lastWords(one)}</Text>
            </span>
          </Go>
        </li>
      ))}
    </ul>
  );
}

function lastWords(incident: IncidentBrief): string {
  const { service, services, openedAtMs, resolvedAtMs, storm, mode, id } = incident;
  const others = services.length > 1 ? ` and ${services.length - 1} more` : '';
  const marks = [storm ? 'a storm' : '', mode === 'shadow' ? 'shadow: nobody is paged' : ''].filter(
    (one) => one !== '',
  );
  const took = resolvedAtMs === undefined ? '' : `took ${rough(resolvedAtMs - openedAtMs)}`;
  const said = incident.last ?? '';
  return [`${service}${others}`, ...marks, took, said, shortId(id)].filter((one) => one !== '').join(' · ');
}
