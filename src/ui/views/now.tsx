import type { Status } from '../wire.ts';
import { Card, Empty, Go, Text, ViewHead, When, State } from '../parts/basic.tsx';
import { IncidentRows } from '../parts/incident-rows.tsx';
import { ServiceTable } from '../parts/service-table.tsx';
import { Sources } from '../parts/sources.tsx';
import { count, shortId } from '../lib/words.ts';
import { relative } from '../lib/time.ts';
import { now } from '../net/clock.ts';

/** What is happening now. */
export function NowView({ status }: { readonly status: Status }) {
  const { incidents, approvals, running } = status;
  return (
    <div class="view">
      <ViewHead title="Now" sub={summary(status)} />
      <Tiles status={status} />
      {approvals.length === 0 ? null : (
        <Card title="Waiting for a person" class="asks" flush>
          <ul class="rows">
            {approvals.map((one) => (
              <li key={one.planId}>
                <Go to={{ view: 'incident', id: one.incidentId }} class="row">
                  <span class="title">
                    <State kind="approvals" of={one.status} />
                    <Text>{`${one.runbook} on ${one.service}`}</Text>
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
      )}
      <Card title="Open incidents" side={<Go to={{ view: 'incidents' }}>All incidents</Go>} flush>
        {incidents.length === 0 ? (
          <Empty>Nothing is open.</Empty>
        ) : (
          <IncidentRows incidents={[...incidents].reverse()} />
        )}
      </Card>
      {running.length === 0 ? null : <Running status={status} />}
      <ServiceTable services={status.services} />
      <Sources status={status} />
    </div>
  );
}

function summary({ incidents, approvals, running, services }: Status): string {
  const open = incidents.length === 0 ? 'Nothing is open' : `${count(incidents.length, 'incident')} open`;
  const waits = approvals.length === 0 ? '' : `, ${count(approvals.length, 'plan')} waiting for a person`;
  const acts = running.length === 0 ? '' : `, ${count(running.length, 'plan')} being carried out`;
  return `${open}${waits}${acts}. ${count(services.length, 'service')} watched.`;
}

function Tiles({ status }: { readonly status: Status }) {
  const { incidents, approvals, sources, paused, unwell, ledger, startedAtMs } = status;
  const answering = sources.filter(({ gaps, lastAnswerMs }) => lastAnswerMs !== undefined && gaps.length === 0).length;
  const critical = incidents.filter(({ severity }) => severity === 'critical').length;
  const health = unwell.length > 0 ? 'unwell' : 'well';
  const hand = paused ? 'paused' : unwell.length > 0 ? 'observing' : 'free to act';
  return (
    <dl class="tiles">
      <Tile
        name="Open incidents"
        value={String(incidents.length)}
        sub={critical === 0 ? 'none critical' : `${critical} critical`}
        tone={critical > 0 ? 'bad' : incidents.length > 0 ? 'warn' : 'good'}
      />
      <Tile
        name="Waiting for a person"
        value={String(approvals.length)}
        sub={approvals.length === 0 ? 'nobody is asked' : 'approve or deny'}
        tone={approvals.length > 0 ? 'warn' : 'good'}
      />
      <Tile
        name="Agent"
        value={health}
        sub={unwell[0] ?? `up ${relative(startedAtMs, now.value).replace(' ago', '')}`}
        tone={unwell.length > 0 ? 'bad' : 'good'}
      />
      <Tile
        name="Its hand"
        value={hand}
        sub={`at most: ${status.ceiling}`}
        tone={paused || unwell.length > 0 ? 'warn' : 'good'}
      />
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

function Running({ status }: { readonly status: Status }) {
  return (
    <Card title="Being carried out" flush>
      <ul class="rows">
        {status.running.map((one) => (
          <li key={one.id}>
            <Go to={{ view: 'incident', id: one.plan.incidentId }} class="row">
              <span class="title">
                <State kind="executions" of={one.status} />
                <Text>{`${one.plan.runbook.name} on ${one.plan.service}`}</Text>
              </span>
              <span class="side">
                began <When atMs={one.startedAtMs} still />
              </span>
              <span class="sub">
                <Text>{one.plan.steps.map(({ describe }) => describe).join('; then ')}</Text>
              </span>
            </Go>
          </li>
        ))}
      </ul>
    </Card>
  );
}
