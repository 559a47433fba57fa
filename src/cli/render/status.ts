import type { Incident } from '../../domain/alert.ts';
import type { Change } from '../../domain/change.ts';
import type { PendingApproval, ServiceView, StatusView } from '../../agent/index.ts';
import { clean } from './safe.ts';
import { sparklineMarked } from './sparkline.ts';
import { paint, type Style } from './style.ts';
import { clockTime, count, graveness, heading, measured, relative, shortId, table, wrap } from './words.ts';

const mostListed = 20;
const changeShownMs = 2 * 3_600_000;

/** How things stand, most important first: what stops the watch, what waits for the reader, what is wrong, then the rest. */
export function renderStatus(view: StatusView, style: Style): string {
  const now = { ...style, nowMs: view.asOfMs };
  return [
    headline(view, now),
    ...alarms(view, now),
    ...waiting(view.approvals, now),
    ...incidents(view.incidents, now),
    ...running(view, now),
    ...services(view.services, now),
    ...sources(view, now),
    footer(view, now),
  ].join('\n');
}

function headline(view: StatusView, style: Style): string {
  const open = view.incidents.length;
  const waits = view.approvals.length;
  const well = open === 0 && waits === 0 && view.unwell.length === 0 && view.paused === undefined;
  const parts = [
    open === 0 ? 'no open incident' : count(open, 'open incident'),
    ...(waits === 0 ? [] : [`${count(waits, 'plan')} ${waits === 1 ? 'waits' : 'wait'} for an answer`]),
  ];
  const mark = well ? paint(style, style.rich ? '●' : 'ok:', 'green') : paint(style, style.rich ? '●' : 'note:', 'red');
  return `${mark} ${paint(style, parts.join(', '), 'bold')}  ${paint(style, `at ${clockTime(style, view.asOfMs)}`, 'dim')}`;
}

function alarms(view: StatusView, style: Style): readonly string[] {
  const lines: string[] = [];
  if (view.replica?.role === 'follower') {
    const { name, leader } = view.replica;
    const who = leader === undefined ? 'nobody leads at the moment' : `${clean(leader, 100)} leads`;
    lines.push(
      `${paint(style, 'FOLLOWER', 'cyan', 'bold')} ${clean(name, 100)}: it shows what the store knows; ${who}`,
    );
  }
  if (view.paused) {
    const { by, atMs, reason } = view.paused;
    lines.push(
      `${paint(style, 'PAUSED', 'yellow', 'bold')} by ${clean(by, 80)} ${relative(style, atMs)}: ${clean(reason)}`,
    );
    lines.push('  Nothing is acted on until: watchkeeper resume --reason ...');
  }
  for (const reason of view.unwell.slice(0, mostListed))
    lines.push(wrap(style, `${paint(style, 'NOT ACTING', 'red', 'bold')}: ${clean(reason)}`, '  ', ''));
  if (!view.resources.ok) {
    lines.push(`${paint(style, 'RESOURCES REFUSED', 'yellow', 'bold')}: the last good set stays in force`);
    lines.push(...view.resources.problems.slice(0, 5).map((problem) => wrap(style, clean(problem), '    ', '  ')));
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

function waiting(approvals: readonly PendingApproval[], style: Style): readonly string[] {
  if (approvals.length === 0) return [];
  const blocks = approvals.slice(0, mostListed).flatMap((pending) => {
    const id = shortId(pending.planId);
    const { need, from } = pending.requirement;
    const agreed = pending.approvals.filter((approval) => approval.verdict === 'approve').length;
    return [
      `  ${paint(style, clean(pending.runbook, 80), 'bold')} on ${clean(pending.service, 80)}: asked ${relative(style, pending.requestedAtMs)}, expires ${relative(style, pending.expiresAtMs)}`,
      wrap(style, `${agreed} of ${need} agreed; may answer: ${from.map((one) => clean(one, 80)).join(', ')}`, '    '),
      `    watchkeeper approve ${id}    watchkeeper deny ${id}    watchkeeper explain ${shortId(pending.incidentId)}`,
    ];
  });
  return ['', heading(style, 'Waiting for an answer'), ...blocks, ...more(approvals.length)];
}

function incidents(open: readonly Incident[], style: Style): readonly string[] {
  if (open.length === 0) return [];
  return ['', heading(style, 'Incidents'), renderIncidents(open.slice(0, mostListed), style), ...more(open.length)];
}

/** Incidents, a line each: how grave, since when, what, and the id to ask with. */
export function renderIncidents(all: readonly Omit<Incident, 'timeline' | 'alerts'>[], style: Style): string {
  if (all.length === 0) return 'No incidents.';
  return table(
    style,
    all.map((incident) => [
      shortId(incident.id),
      graveness(style, incident.severity),
      incident.status === 'resolved' ? paint(style, 'resolved', 'green') : incident.status,
      relative(style, incident.openedAtMs),
      `${clean(incident.title, 240)}${incident.mode === 'shadow' ? ' (shadow)' : ''}${incident.storm ? ' (storm)' : ''}`,
    ]),
  );
}

function running(view: StatusView, style: Style): readonly string[] {
  if (view.running.length === 0) return [];
  const rows = view.running
    .slice(0, mostListed)
    .map((execution) => [
      clean(execution.plan.runbook.name, 60),
      `on ${clean(execution.plan.service, 60)}`,
      paint(style, execution.status, 'cyan'),
      `since ${relative(style, execution.startedAtMs)}`,
    ]);
  return ['', heading(style, 'Being done'), table(style, rows)];
}

const order = { firing: 0, pending: 1, unknown: 2, ok: 3 } as const;
const marks = { firing: '✗', pending: '…', unknown: '?', ok: '✓' } as const;
const paints = { firing: 'red', pending: 'yellow', unknown: 'yellow', ok: 'green' } as const;

function services(all: readonly ServiceView[], style: Style): readonly string[] {
  if (all.length === 0) return ['', heading(style, 'Services'), '  none is watched yet'];
  const sorted = [...all].sort((a, b) => order[a.state] - order[b.state] || a.name.localeCompare(b.name));
  const shown = sorted.slice(0, mostListed);
  const states = (['firing', 'pending', 'unknown', 'ok'] as const)
    .map((state) => [state, all.filter((service) => service.state === state).length] as const)
    .filter(([, many]) => many > 0)
    .map(([state, many]) => `${many} ${state}`);
  const rows = shown.map((service) => [
    paint(style, style.rich ? marks[service.state] : service.state, paints[service.state]),
    clean(service.name, 60),
    ...(style.rich && style.width >= 80 ? [glance(service, style)] : []),
    service.state === 'ok' ? figures(service) : clean(service.because),
  ]);
  return [
    '',
    `${heading(style, 'Services')}  ${states.join(', ')}${style.rich && all.some(({ changes }) => changes.length > 0) ? paint(style, '  ▲ the newest change', 'dim') : ''}`,
    table(style, rows),
    ...more(all.length),
    ...shown.flatMap((service) => lastChange(service, style)),
  ];
}

// What the newest change did: for a healthy one this is why nobody was called.
function lastChange(service: ServiceView, style: Style): readonly string[] {
  const change = service.changes.at(-1);
  if (!change || style.nowMs - change.atMs > changeShownMs) return [];
  const judged = service.verdicts.filter((verdict) => verdict.changeId === change.id);
  const worst = judged.find((verdict) => verdict.verdict === 'regressed') ?? judged.at(-1);
  const what = `${nameOf(change)} (${change.kind}) ${relative(style, change.atMs)}`;
  const said = worst === undefined ? 'being watched' : `${worst.verdict}: ${clean(worst.because)}`;
  return [wrap(style, paint(style, `${clean(service.name, 60)}: ${what}, ${said}`, 'dim'), '      ', '  ')];
}

// A release is named by its version; a version of anything else means nothing without its name.
function nameOf({ kind, what, to }: Change): string {
  if ((kind === 'deploy' || kind === 'rollback') && to !== undefined) return clean(to, 60);
  const name = what.startsWith(`${kind}:`) ? what.slice(kind.length + 1) : what;
  return clean(to === undefined ? name : `${name} ${to}`, 60);
}

// The signal that an alert is about, else the one people look at first.
function glance(service: ServiceView, style: Style): string {
  const about = service.alerts.find((alert) => alert.status !== 'resolved')?.signal;
  const order = [about, 'errors', 'latency', 'traffic', 'cpu', 'memory'];
  const chosen =
    order.map((name) => service.signals.find((one) => one.signal === name)).find((one) => one !== undefined) ??
    service.signals[0];
  const [first] = chosen?.recent ?? [];
  const last = chosen?.recent.at(-1);
  if (!chosen || !first || !last) return '';
  const options = {
    samples: chosen.recent,
    marks: service.changes.map(({ atMs }) => ({ atMs, label: '' })),
    width: 20,
    fromMs: first.tMs,
    untilMs: last.tMs,
  };
  return sparklineMarked(style, options, service.state === 'firing' ? 'red' : 'dim');
}

function figures(service: ServiceView): string {
  const bySignal = new Map<string, string>();
  for (const { signal, latest, unit } of service.signals)
    if (latest && !bySignal.has(signal)) bySignal.set(signal, `${clean(signal, 40)} ${measured(latest.v, unit)}`);
  return [...bySignal.values()].slice(0, 5).join('  ');
}

function sources(view: StatusView, style: Style): readonly string[] {
  const rows = view.sources.map((source) => {
    const gap = source.gaps[0];
    const state =
      gap !== undefined
        ? paint(style, source.lastAnswerMs === undefined ? 'silent' : 'partly', 'yellow')
        : source.lastAnswerMs === undefined
          ? paint(style, 'asked', 'yellow')
          : paint(style, 'answers', 'green');
    const last =
      source.lastAnswerMs === undefined ? 'has not answered yet' : `answered ${relative(style, source.lastAnswerMs)}`;
    return [
      clean(source.id, 60),
      state,
      gap === undefined ? last : `${last}; ${clean(gap.reason, 40)}: ${clean(gap.message)}`,
    ];
  });
  return rows.length === 0 ? [] : ['', heading(style, 'Sources'), table(style, rows)];
}

function footer(view: StatusView, style: Style): string {
  const { counts, loadedAtMs } = view.resources;
  const parts = [
    `acts up to "${clean(view.ceiling, 20)}"`,
    `ledger of ${count(view.ledger.size, 'entry', 'entries')}`,
    `${count(counts['detectors'] ?? 0, 'detector')}, ${count(counts['runbooks'] ?? 0, 'runbook')}, ${count(counts['policies'] ?? 0, 'policy', 'policies')}, loaded ${relative(style, loadedAtMs)}`,
    `watchkeeper ${clean(view.version, 40)}, up since ${clockTime(style, view.startedAtMs)}`,
  ];
  return `\n${wrap(style, paint(style, parts.join(' · '), 'dim'), '')}`;
}

function more(many: number): readonly string[] {
  return many > mostListed ? [`  ... and ${many - mostListed} more (--output json has all)`] : [];
}
