import { Card, Empty, Go, State, Text, ViewHead, When } from '../parts/basic.tsx';
import { IncidentRows } from '../parts/incident-rows.tsx';
import { ServiceTable } from '../parts/service-table.tsx';
import { Sources } from '../parts/sources.tsx';
import { count, shortId } from '../lib/words.ts';
import { relative } from '../lib/time.ts';
import { now } from '../net/clock.ts';
import type { Overview } from '../wire.ts';

/** What is happening now. */
export function NowView({ overview }: { readonly overview: Overview }) {
  const { incidents, openIncidents } = overview;
  return (
    <div class="view">
      <ViewHead title="Now" sub={summary(overview)} />
      <Tiles overview={overview} />
      <Waiting overview={overview} />
      <Card title="Open incidents" side={<Go to={{ view: 'incidents' }}>All incidents</Go>} flush>
        {incidents.length === 0 ? <Empty>Nothing is open.</Empty> : <IncidentRows incidents={incidents} />}
        {openIncidents > incidents.length ? <Empty>and {openIncidents - incidents.length} more</Empty> : null}
      </Card>
      <Running overview={overview} />
      <ServiceTable services={overview.services} />
      <Sources overview={overview} />
    </div>
  );
}

function summary({ openIncidents, approvals, running, services }: Overview): string {
  const open = openIncidents === 0 ? 'Nothing is open' : `${count(openIncidents, 'incident')} open`;
  const waits = approvals.length === 0 ? '' : `, ${count(approvals.length, 'plan')} waiting for a person`;
  const acts = running.length === 0 ? '' : `, ${count(running.length, 'plan')} being carried out`;
  return `${open}${waits}${acts}. ${count(services.length, 'service')} watched.`;
}

function Tiles({ overview }: { readonly overview: Overview }) {
  const { incidents, openIncidents, approvals, sources, paused, unwell, ledger, startedAtMs, ceiling } = overview;
  const answering = sources.filter(({ ok }) => ok).length;
  const critical = incidents.filter(({ severity }) => severity === 'critical').length;
  const hand = paused ? 'paused' : unwell.length > 0 ? 'observing' : 'free to act';
  return (
    <dl class="tiles">
      <Tile
        name="Open incidents"
        value={openIncidents.toLocaleString('en')}
        sub={critical === 0 ? 'none critical' : `${critical} critical`}
        tone={critical > 0 ? 'bad' : openIncidents > 0 ? 'warn' : 'good'}
      />
      <Tile
        name="Waiting for a person"
        value={String(approvals.length)}
        sub={approvals.length === 0 ? 'nobody is asked' : 'approve or deny'}
        tone={approvals.length > 0 ? 'warn' : 'good'}
      />
      <Tile
        name="Agent"
        value={unwell.length > 0 ? 'unwell' : 'well'}
        sub={unwell[0] ?? `up ${relative(startedAtMs, now.value).replace(' ago', '')}`}
        tone={unwell.length > 0 ? 'bad' : 'good'}
      />
      <Tile name="Its hand" value={hand} sub={`at most: ${ceiling}`} tone={hand === 'free to act' ? 'good' : 'warn'} />
      <Tile
        name="Sources"
        value={`${answering} of ${sources.length}`}
        sub={answering === sources.length ? 'all answer in full' : 'some cannot be read in full'}
        tone={answering === sources.length ? 'good' : 'warn'}
      />
      <Tile name="Ledger" value={ledger.size.toLocaleString('en')} sub="entries" tone="" />
    </dl>
  );
}

function Tile(props: { readonly name: string; readonly value: string; readonly sub: string; readonly tone: string }) {
  return (
    <div class={`tile ${props.tone}`}>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
      <dd>
        <Text>{props.sub}</Text>
      </dd>
    </div>
  );
}

function Waiting({ overview: { approvals } }: { readonly overview: Overview }) {
  if (approvals.length === 0) return null;
  return (
    <Card title="Waiting for a person" class="asks" flush>
      <ul class="rows">
        {approvals.map((one) => (
          <li key={one.planId}>
            <Go to={{ view: 'incident', id: one.incidentId }} class="row">
              <span class="title">
                <State kind="approvals" of={one.status} />
                <span>
                  <Text>{`${one.runbook} on ${one.service}`}</Text>
                </span>
              </span>
              <span class="side">
                expires <When atMs={one.expiresAtMs} still />
              </span>
              <span class="sub">
                plan <code>{shortId(one.planId)}</code>, asked: <Text>{one.requirement.from.join(', ')}</Text>
              </span>
            </Go>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Running({ overview: { running } }: { readonly overview: Overview }) {
  if (running.length === 0) return null;
  return (
    <Card title="Being carried out" flush>
      <ul class="rows">
        {running.map((one) => (
          <li key={one.id}>
            <Go to={{ view: 'incident', id: one.incidentId }} class="row">
              <span class="title">
                <State kind="executions" of={one.status} />
                <span>
                  <Text>{`${one.runbook} on ${one.service}`}</Text>
                </span>
              </span>
              <span class="side">
                began <When atMs={one.startedAtMs} still />
              </span>
            </Go>
          </li>
        ))}
      </ul>
    </Card>
  );
}
