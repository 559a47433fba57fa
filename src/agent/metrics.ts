import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * The daemon's own health, for Prometheus. Alert on `watchkeeper_last_tick_timestamp_seconds` standing still: it is the
 * dead man's switch. Label values come from closed sets or from configuration, never from telemetry.
 */
export interface Metrics {
  readonly registry: Registry;
  readonly lastTick: Gauge;
  readonly tickSeconds: Histogram;
  readonly sourceCalls: Counter<'source' | 'outcome'>;
  readonly sourceApiCalls: Counter<'source' | 'api'>;
  readonly sourceCost: Gauge<'source'>;
  readonly sourceSeconds: Histogram<'source'>;
  readonly sourceLastSuccess: Gauge<'source'>;
  readonly sourcePartAge: Gauge<'source' | 'part'>;
  readonly sourcePartStale: Gauge<'source' | 'part'>;
  readonly documentsRefused: Gauge<'kind'>;
  readonly sourcePartObjects: Gauge<'source' | 'part'>;
  readonly gaps: Counter<'source' | 'reason'>;
  readonly series: Gauge;
  readonly samples: Counter;
  readonly findings: Counter<'detector' | 'state'>;
  readonly alerts: Gauge<'status'>;
  readonly incidentsOpen: Gauge;
  readonly diagnosisSeconds: Histogram;
  readonly decisions: Counter<'outcome' | 'code'>;
  readonly executions: Counter<'status'>;
  readonly sampleToAction: Histogram;
  readonly deliveries: Counter<'channel' | 'outcome'>;
  readonly approvals: Counter<'verdict'>;
  readonly ledgerEntries: Gauge;
  readonly reloadOk: Gauge;
  readonly reloadTime: Gauge;
  readonly discoveryOk: Gauge;
  readonly unwell: Gauge;
  readonly paused: Gauge;
  readonly leader: Gauge;
  readonly leadershipTransitions: Gauge;
  readonly leaseAge: Gauge;
  readonly info: Gauge<'version'>;
}

/** Makes a fresh set on a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Gauge<L> =>
    new Gauge({ name: `watchkeeper_${name}`, help, labelNames, registers });
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name: `watchkeeper_${name}`, help, labelNames, registers });
  const seconds = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Histogram<L> =>
    new Histogram({
      name: `watchkeeper_${name}`,
      help,
      labelNames,
      registers,
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    });
  const make = { gauge, counter, seconds };
  return {
    registry,
    lastTick: gauge(
      'last_tick_timestamp_seconds',
      "When the watch last turned over. Standing still is the dead man's switch.",
    ),
    tickSeconds: seconds('tick_duration_seconds', 'How long one turn of the pipeline took.'),
    ...sourceMetrics(make),
    documentsRefused: gauge('custom_resources_refused', 'Custom resources that are not right, by kind.', ['kind']),
    gaps: counter('gaps_total', 'Things that could not be read, by reason.', ['source', 'reason']),
    series: gauge('series', 'Series held in the window.'),
    samples: counter('samples_total', 'New samples taken in.'),
    findings: counter('findings_total', 'What detectors said, by state.', ['detector', 'state']),
    alerts: gauge('alerts', 'Alerts by status.', ['status']),
    incidentsOpen: gauge('incidents_open', 'Incidents that are not resolved.'),
    diagnosisSeconds: seconds('diagnosis_duration_seconds', 'From the start of evidence gathering to the diagnosis.'),
    decisions: counter('decisions_total', 'Policy decisions, by outcome and deny code.', ['outcome', 'code']),
    executions: counter('executions_total', 'Executions ended, by status.', ['status']),
    sampleToAction: seconds(
      'sample_to_action_seconds',
      'From the sample that made an alert fire to the start of the first action, hold excluded.',
    ),
    deliveries: counter('deliveries_total', 'Notices handed to channels, by outcome.', ['channel', 'outcome']),
    approvals: counter('approvals_total', "People's answers, by verdict: approve, deny, refused.", ['verdict']),
    ledgerEntries: gauge('ledger_entries', 'Entries in the ledger.'),
    reloadOk: gauge(
      'config_last_reload_successful',
      'Whether the last load of the resources succeeded; 0 means the last good set is in force.',
    ),
    discoveryOk: gauge(
      'discovery_last_successful',
      'Whether what sources discover is in force; 0 means it was refused and the last good catalog is.',
    ),
    reloadTime: gauge(
      'config_last_reload_success_timestamp_seconds',
      'When the resources were last loaded successfully.',
    ),
    unwell: gauge('agent_unwell', 'Number of reasons for which the agent observes and does not act.'),
    paused: gauge('agent_paused', '1 while the kill switch is on.'),
    leader: gauge('leader', '1 where this replica leads; a daemon alone always does.'),
    leadershipTransitions: gauge('leadership_transitions', 'How often leadership changed hands, as last seen.'),
    leaseAge: gauge('lease_age_seconds', "Since the leader's lease was last seen to be renewed."),
    info: gauge('build_info', 'Version of the daemon.', ['version']),
  };
}

interface Makers {
  readonly gauge: <L extends string = never>(name: string, help: string, labelNames?: L[]) => Gauge<L>;
  readonly counter: <L extends string = never>(name: string, help: string, labelNames?: L[]) => Counter<L>;
  readonly seconds: <L extends string = never>(name: string, help: string, labelNames?: L[]) => Histogram<L>;
}

type SourceMetric = Extract<keyof Metrics, `source${string}`>;

function sourceMetrics({ gauge, counter, seconds }: Makers): Pick<Metrics, SourceMetric> {
  return {
    sourceCalls: counter('source_calls_total', 'Reads from a source, by outcome: ok, partial, failed.', [
      'source',
      'outcome',
    ]),
    sourceApiCalls: counter('source_api_calls_total', 'Calls of the APIs of a source that charges or limits them.', [
      'source',
      'api',
    ]),
    sourceCost: gauge(
      'source_estimated_cost_dollars',
      'What the calls of a source are reckoned to have cost since the start, by list prices.',
      ['source'],
    ),
    sourceSeconds: seconds('source_duration_seconds', 'How long a read from a source took.', ['source']),
    sourceLastSuccess: gauge('source_last_success_timestamp_seconds', 'When a source last answered without a gap.', [
      'source',
    ]),
    sourcePartAge: gauge('source_part_age_seconds', 'Since the last word about a watched part.', ['source', 'part']),
    sourcePartStale: gauge('source_part_stale', '1 while a watched part is not known any more.', ['source', 'part']),
    sourcePartObjects: gauge('source_part_objects', 'Objects known of a watched part.', ['source', 'part']),
  };
}
