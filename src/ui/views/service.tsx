import type { ChangeVerdict } from '../../domain/change.ts';
import type { MatrixRow, ServiceNow, Status } from '../wire.ts';
import { Card, Empty, Facts, State, Text, ViewHead, When, Badge } from '../parts/basic.tsx';
import { Chart } from '../parts/chart.tsx';
import { chartOf, marksOf } from '../lib/chart.ts';
import { shown, type Shown } from '../lib/states.ts';
import { useResource } from '../net/resource.ts';

const mostCharts = 12;

const verdicts: Readonly<Record<ChangeVerdict['verdict'], Shown>> = {
  healthy: { word: 'healthy', tone: 'good', icon: 'check' },
  regressed: { word: 'regressed', tone: 'bad', icon: 'cross' },
  inconclusive: { word: 'inconclusive', tone: 'open', icon: 'question' },
};

/** One service: its signals, what changed and how that was judged, and what may be done to it. */
export function ServiceView({ name, status }: { readonly name: string; readonly status: Status }) {
  const service = status.services.find((one) => one.name === name);
  if (service === undefined)
    return (
      <div class="view">
        <ViewHead title={<Text>{name}</Text>} sub="No service of this name is watched." />
      </div>
    );
  return (
    <div class="view">
      <ViewHead
        title={<Text>{service.name}</Text>}
        sub={
          <>
            <State kind="services" of={service.state} /> <Text>{service.because}</Text>
          </>
        }
      />
      <div class="two">
        <div>
          <Signals service={service} />
        </div>
        <div>
          <Card title="Who and what">
            <Facts of={[['Owner', <Text>{service.team}</Text>]]} />
          </Card>
          <May name={name} />
          <Changes service={service} />
        </div>
      </div>
    </div>
  );
}

function Signals({ service }: { readonly service: ServiceNow }) {
  const marks = marksOf(service.changes, []);
  const charts = service.signals
    .map((signal) => {
      const alert = service.alerts.find(({ finding }) => finding.chart?.seriesKey === signal.seriesKey);
      return chartOf(signal, alert, marks);
    })
    .filter(({ xs }) => xs.length > 1);
  return (
    <Card title="Signals">
      {charts.length === 0 ? <Empty>Nothing was measured yet.</Empty> : null}
      {charts.slice(0, mostCharts).map((data) => (
        <Chart key={data.key} data={data} />
      ))}
      {charts.length > mostCharts ? <p class="soft small">and {charts.length - mostCharts} more</p> : null}
    </Card>
  );
}

function Changes({ service }: { readonly service: ServiceNow }) {
  const changes = [...service.changes].reverse();
  return (
    <Card title="Changes" flush>
      {changes.length === 0 ? <Empty>None was seen.</Empty> : null}
      <ul class="rows">
        {changes.map((change) => (
          <li key={change.id} class="row">
            <span class="title">
              <Text>{`${change.kind} ${change.to ?? change.what}`}</Text>
            </span>
            <span class="side">
              <When atMs={change.atMs} />
            </span>
            <span class="sub">
              <Text>
                {[change.from === undefined ? '' : `from ${change.from}`, change.actor ?? '', change.source]
                  .filter((one) => one !== '')
                  .join(' · ')}
              </Text>
              {service.verdicts
                .filter(({ changeId }) => changeId === change.id)
                .map((one) => (
                  <div key={`${one.detector} ${one.signal}`}>
                    <Badge is={verdicts[one.verdict]} /> <Text>{one.because}</Text>
                  </div>
                ))}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function May({ name }: { readonly name: string }) {
  const { value } = useResource<{ readonly rows: readonly MatrixRow[] }>('/api/v1/policy/matrix');
  const rows = value?.rows.filter(({ service }) => service === name) ?? [];
  return (
    <Card title="What may be done" flush>
      {rows.length === 0 ? <Empty>No enabled runbook is for it.</Empty> : null}
      <ul class="rows">
        {rows.map((row) => (
          <li key={`${row.runbook} ${row.step}`} class="row">
            <span class="title">
              <Text>{`${row.runbook}: ${row.step}`}</Text>
            </span>
            <span class="side">
              <Badge is={shown('decisions', row.outcome)} />
            </span>
            <span class="sub">
              <code>{row.rule}</code>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
