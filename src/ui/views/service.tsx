import type { ChangeVerdict } from '../../domain/change.ts';
import { formatDuration } from '../../lib/duration.ts';
import type { ServiceNow, ServiceWhole, Slo } from '../wire.ts';
import { Badge, Card, Empty, Facts, Go, State, Text, Trouble, ViewHead, Waiting, When } from '../parts/basic.tsx';
import { ChartGroup } from '../parts/chart.tsx';
import { serviceCharts } from '../lib/chart.ts';
import { shown, type Shown } from '../lib/states.ts';
import { labelText, percent } from '../lib/words.ts';
import { useResource } from '../net/resource.ts';

const mostCharts = 12;

const verdicts: Readonly<Record<ChangeVerdict['verdict'], Shown>> = {
  healthy: { word: 'healthy', tone: 'good', icon: 'check' },
  regressed: { word: 'regressed', tone: 'bad', icon: 'cross' },
  inconclusive: { word: 'inconclusive', tone: 'open', icon: 'question' },
};

/** One service: signals, owner, error budgets, what may be done to it and what came of it, changes and their verdicts. */
export function ServiceView({ name }: { readonly name: string }) {
  const { value, error } = useResource<ServiceWhole>(`/api/v1/services/${encodeURIComponent(name)}`);
  if (value === undefined)
    return (
      <div class="view">
        <ViewHead title={<Text>{name}</Text>} />
        {error === undefined ? <Waiting /> : <Trouble error={error} />}
      </div>
    );
  const { service } = value;
  const charts = serviceCharts(service);
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
          <Card title="Signals">
            {charts.length === 0 ? <Empty>Nothing was measured yet.</Empty> : null}
            <ChartGroup charts={charts.slice(0, mostCharts)} />
            {charts.length > mostCharts ? <p class="soft small">and {charts.length - mostCharts} more</p> : null}
          </Card>
          <Changes service={service} />
        </div>
        <div>
          <Who of={value} />
          <Budgets slos={value.slos} />
          <May of={value} />
          <Record of={value} />
        </div>
      </div>
    </div>
  );
}

function Who({ of: { owner, labels, dependsOn, dependents, origin } }: { readonly of: ServiceWhole }) {
  return (
    <Card title="Who and what">
      <Facts
        of={[
          ['Owner', <Text>{owner.team}</Text>],
          ['Called by', <Text>{owner.escalate === '' ? 'the escalation of the daemon' : owner.escalate}</Text>],
          ['Depends on', <Names of={dependsOn} />],
          ['Depended on by', <Names of={dependents} />],
          ['Labels', <Text>{labelText(labels) || 'none'}</Text>],
          ['Known', origin === 'declared' ? 'from a document' : 'by discovery'],
        ]}
      />
    </Card>
  );
}

function Names({ of }: { readonly of: readonly string[] }) {
  if (of.length === 0) return <span class="soft">nothing</span>;
  return (
    <>
      {of.map((name, at) => (
        <>
          {at === 0 ? '' : ', '}
          <Go to={{ view: 'service', name }}>
            <Text>{name}</Text>
          </Go>
        </>
      ))}
    </>
  );
}

function Budgets({ slos }: { readonly slos: readonly Slo[] }) {
  return (
    <Card title="Error budgets" flush>
      {slos.length === 0 ? <Empty>No objective is set.</Empty> : null}
      <ul class="rows">
        {slos.map((slo) => (
          <li key={slo.name} class="row">
            <span class="title">
              <span>
                <Text>{slo.name}</Text>
              </span>
            </span>
            <span class="side">{slo.remaining === undefined ? 'not known' : `${percent(slo.remaining)} left`}</span>
            <span class="sub">
              <Meter of={slo.remaining} />
              {percent(slo.objective, 2)} of <Text>{slo.signal}</Text> over {formatDuration(slo.windowMs)}
              {slo.burn === undefined ? '' : `; spent ${slo.burn.toFixed(1)} times as fast as it lasts`}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

// Drawn, not styled: the page's own policy allows no style in an attribute.
function Meter({ of }: { readonly of: number | undefined }) {
  if (of === undefined) return null;
  const left = Math.max(0, Math.min(1, of));
  const tone = left > 0.5 ? 'good' : left > 0.1 ? 'warn' : 'bad';
  return (
    <svg class={`meter ${tone}`} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect width="100" height="4" class="rest" />
      <rect width={left * 100} height="4" class="left" />
    </svg>
  );
}

function May({ of: { autonomy } }: { readonly of: ServiceWhole }) {
  return (
    <Card title="What may be done" flush>
      {autonomy.length === 0 ? <Empty>No enabled runbook is for it.</Empty> : null}
      <ul class="rows">
        {autonomy.map((row) => (
          <li key={`${row.runbook} ${row.step}`} class="row">
            <span class="title">
              <span>
                <Text>{`${row.runbook}: ${row.step}`}</Text>
              </span>
            </span>
            <span class="side">
              <Badge is={shown('decisions', row.outcome)} />
            </span>
            <span class="sub">
              <Text>{row.because}</Text>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Record({ of: { record } }: { readonly of: ServiceWhole }) {
  return (
    <Card title="Track record" flush>
      {record.length === 0 ? <Empty>Nothing was done here yet.</Empty> : null}
      <ul class="rows">
        {record.map((one) => (
          <li key={one.runbook} class="row">
            <span class="title">
              <span>
                <Text>{one.runbook}</Text>
              </span>
            </span>
            <span class="side">
              {one.succeeded} of {one.runs} succeeded
            </span>
            <span class="sub">
              {[
                one.failed > 0 ? `${one.failed} failed` : '',
                one.undone > 0 ? `${one.undone} undone` : '',
                one.unknown > 0 ? `${one.unknown} not known` : '',
              ]
                .filter((part) => part !== '')
                .map((part) => `${part} · `)}
              last <When atMs={one.lastAtMs} />
            </span>
          </li>
        ))}
      </ul>
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
              <span>
                <Text>{`${change.kind} ${change.to ?? change.what}`}</Text>
              </span>
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
