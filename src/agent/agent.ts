import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import type { Incident } from '../domain/alert.ts';
import { parseAlertmanagerWebhook } from '../sources/alertmanager/index.ts';
import { parseAnnouncedChange } from '../sources/announce/index.ts';
import { exportLedger, proveEntry, proveInclusion, type LedgerHandle } from '../ledger/index.ts';
import type { WriteFiles } from '../domain/ports/io.ts';
import type { Composed } from './compose.ts';
import { dryPlan } from './dry-plan.ts';
import type { Accepted, Agent } from './facade.ts';
import { isSilent, staleParts } from './health.ts';
import { incidentView, serviceView } from './look-out.ts';
import { createMatrix, type MatrixDesk } from './matrix.ts';
import { createRequests } from './requests.ts';
import type { AnswerResult, PendingApproval, Readiness, StatusView } from './views.ts';
import type { Watch } from './watch.ts';
import { approvalView } from './windows/approval-view.ts';
import { chartsOf } from './windows/charts.ts';
import { listIncidents } from './windows/incident-list.ts';
import { overviewOf, serviceBriefs } from './windows/overview.ts';
import { runbookViews, serviceDetail } from './windows/service-detail.ts';

/** What the facade needs beside the composed watch. */
export interface AgentOptions {
  readonly composed: Composed;
  readonly ledger: LedgerHandle;
  readonly files: WriteFiles;
  readonly version: string;
  readonly startedAtMs: number;
  readonly resourceState: () => { readonly ok: boolean; readonly problems: readonly string[] };
  readonly reload: Agent['reload'];
  readonly inbound: Agent['inbound'];
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const shortestPrefix = 4;

/** Makes the agent as its windows see it. */
export function createAgent(options: AgentOptions): Agent {
  const { composed } = options;
  const { watch, cases } = composed;
  const requests = createRequests(watch, cases);
  const matrix = createMatrix(watch);
  return {
    start: options.start,
    stop: options.stop,
    reload: options.reload,
    status: () => ({
      ...statusView(options),
      services: watch.catalog().services.map((service) => serviceView(watch, service)),
    }),
    services: () => watch.catalog().services.map((service) => serviceView(watch, service)),
    ...windows(options, matrix),
    ...ledgerWindow(options),
    alerts: () => watch.state().alerts.filter((alert) => alert.status !== 'resolved'),
    approvals: () => watch.approvals().waiting(),
    answer: (...args) => answer(watch, ...args),
    inbound: (channel, request) => options.inbound(channel, request),
    request: requests.request,
    refused: requests.refused,
    pause: (who, reason) => watch.health.pause(who.id, reason),
    resume: (who, reason) => watch.health.resume(who.id, reason),
    plan: (runbook, service, params) => dryPlan(watch, cases, runbook, service, params),
    matrix: () => matrix.all(),
    ...feedsOf(composed),
    readiness: () => readinessOf(options),
    metrics: () => watch.metrics.registry.metrics(),
  };
}

// An answer that settles a question is shown wherever that was asked: buttons that count no more should not stand there.
async function answer(
  watch: Watch,
  ...[about, who, verdict, via, comment, shownOn]: Parameters<Agent['answer']>
): Promise<AnswerResult> {
  const before = watch.approvals().waiting();
  const result = await watch.approvals().answer({
    ...{ about, who, verdict, via },
    ...(comment === undefined ? {} : { comment }),
    ...(shownOn === undefined ? {} : { shownOn }),
  });
  const at = new Date(watch.clock.nowMs()).toISOString().slice(0, 16).replace('T', ' ');
  for (const { planId } of before) {
    const now = watch.approvals().of(planId);
    if (now?.status === 'granted' || now?.status === 'denied')
      watch.ladder.settled(
        planId,
        `${now.status === 'granted' ? 'Approved' : 'Denied'} by ${namesIn(now)} at ${at} UTC.`,
      );
  }
  return result;
}

function namesIn({ approvals }: PendingApproval): string {
  return approvals.map(({ by }) => by.id).join(', ');
}

// What others tell us, into the inbox.
function feedsOf(composed: Composed): Pick<Agent, 'announce' | 'alertmanager'> {
  const { watch } = composed;
  return {
    announce: (body, who) => {
      const parsed = parseAnnouncedChange(body, watch.clock.nowMs(), who);
      if (!parsed.ok) return Promise.resolve(refused(parsed.issues));
      composed.inbox.changes([parsed.value]);
      composed.pipeline.nudge();
      return Promise.resolve({
        accepted: 1,
        problems: watch.catalog().get(parsed.value.service)
          ? []
          : [`no service is called ${parsed.value.service}; the change is kept`],
      });
    },
    alertmanager: (body) => {
      const parsed = parseAlertmanagerWebhook(body, watch.clock.nowMs());
      if (!parsed.ok) return Promise.resolve(refused(parsed.issues));
      composed.inbox.findings(parsed.value.findings);
      composed.inbox.gaps(parsed.value.gaps);
      composed.pipeline.nudge();
      return Promise.resolve({
        accepted: parsed.value.findings.length,
        problems: parsed.value.gaps.map((gap) => gap.message),
      });
    },
  };
}

type Windows = Pick<Agent, 'service' | 'overview' | 'runbooks' | 'incidents' | 'incident' | 'charts' | 'approval'>;

function windows(options: AgentOptions, matrix: MatrixDesk): Windows {
  const { watch, cases } = options.composed;
  const incident: Agent['incident'] = async (id) => {
    const found = await findIncident(watch, id);
    return found ? incidentView(watch, cases, found) : undefined;
  };
  return {
    service: (name) => {
      const service = watch.catalog().get(name);
      return service && serviceDetail(watch, service, matrix);
    },
    overview: () => overviewOf(statusView(options), serviceBriefs(watch), readinessOf(options)),
    runbooks: () => runbookViews(watch),
    incidents: (query) => listIncidents(watch.store, watch.state().incidents, query),
    incident,
    charts: async (id) => {
      const view = await incident(id);
      return view && chartsOf(view, watch.window, watch.clock.nowMs());
    },
    approval: async (planId, who) => {
      const asked = watch.approvals().of(planId);
      return asked && approvalView(asked, await incident(asked.incidentId), who, watch.approvals().groupsOf(who));
    },
  };
}

type LedgerWindow = Pick<
  Agent,
  'ledgerSize' | 'ledgerNews' | 'ledger' | 'ledgerEntries' | 'ledgerProof' | 'ledgerEntry' | 'ledgerExport'
>;

function ledgerWindow(options: AgentOptions): LedgerWindow {
  const { watch } = options.composed;
  return {
    ledger: async () => ({
      size: options.ledger.size(),
      checkpoint: await options.ledger.checkpoint(),
      vkey: options.ledger.vkeys().join('\n'),
    }),
    ledgerEntries: async (fromSeq, limit) => {
      const entries = await options.ledger.entries(fromSeq, Math.min(limit, limits.ledgerBatchEntries));
      return Promise.all(
        entries.map(async (entry) => {
          const payload: Json | undefined =
            entry.commitment === undefined ? undefined : await options.ledger.payload(entry.seq);
          return { entry, ...(payload === undefined ? {} : { payload }) };
        }),
      );
    },
    ledgerSize: () => options.ledger.size(),
    ledgerNews: (fromSeq, limit) => options.ledger.entries(fromSeq, limit),
    ledgerProof: (seq) => proveInclusion(watch.store, seq),
    ledgerEntry: (seq) => proveEntry(watch.store, seq),
    ledgerExport: async (folder) => {
      await options.ledger.flush();
      return exportLedger({ store: watch.store, files: options.files, folder, signal: watch.signal });
    },
  };
}

function statusView(options: AgentOptions): Omit<StatusView, 'services'> {
  const { watch } = options.composed;
  const statuses = watch.sources.statuses();
  const { paused, unwell } = watch.health.health(statuses);
  const resources = watch.resources();
  const files = options.resourceState();
  const conflict = options.composed.conflict();
  return {
    version: options.version,
    asOfMs: watch.clock.nowMs(),
    startedAtMs: options.startedAtMs,
    ceiling: watch.settings.ceiling,
    ...(paused ? { paused } : {}),
    unwell,
    sources: statuses,
    incidents: watch.state().incidents.filter((incident) => incident.status !== 'resolved'),
    approvals: watch.approvals().waiting(),
    running: watch.executor().active(),
    gaps: statuses.flatMap((status) => [...status.gaps]),
    ledger: { size: watch.ledger.size(), origin: options.ledger.origin },
    resources: {
      digest: resources.digest,
      loadedAtMs: resources.loadedAtMs,
      ok: files.ok && conflict === undefined,
      problems: [...files.problems, ...(conflict === undefined ? [] : [conflict])],
      counts: {
        services: watch.catalog().services.length,
        detectors: resources.detectors.length,
        runbooks: resources.runbooks.length,
        policies: resources.policies.policies.length,
        escalations: resources.escalations.size,
      },
    },
  };
}

// Ready means: it watches. A source that is down does not make the daemon unready, or one dead peer would take the
// watch over all others out of service; all of them down does.
function readinessOf(options: AgentOptions): Readiness {
  const { watch } = options.composed;
  const nowMs = watch.clock.nowMs();
  const statuses = watch.sources.statuses();
  const blind = statuses.length > 0 && statuses.every((status) => isSilent(status, nowMs));
  const ledger = options.ledger.unwell();
  const reasons = [
    ...(blind ? ['no source answers'] : []),
    ...(ledger ? [`the ledger cannot be written: ${ledger.message}`] : []),
    ...(watch.executor().halted() === undefined ? [] : [`the executor halted: ${watch.executor().halted() ?? ''}`]),
  ];
  return { ready: reasons.length === 0, reasons, stale: statuses.flatMap((status) => staleParts(status)) };
}

async function findIncident(watch: Watch, id: string): Promise<Incident | undefined> {
  const live = watch.state().incidents;
  const exact = live.find((incident) => incident.id === id);
  if (exact) return exact;
  if (id.length < shortestPrefix) return undefined;
  const stored = await watch.store.list('incident', { limit: 2, prefix: id });
  if (stored.length > 1) throw new WatchkeeperError('malformed', `more than one incident begins with ${id}`);
  const [row] = stored;
  return row === undefined
    ? undefined
    : (live.find((incident) => incident.id === row.key) ?? (row.value as unknown as Incident));
}

function refused(
  issues: readonly { readonly path: readonly (string | number)[]; readonly message: string }[],
): Accepted {
  return { accepted: 0, problems: issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`) };
}
