import type { Change, ChangeKind } from '../../../src/domain/change.ts';
import type { AnswerResult } from '../../../src/agent/views.ts';
import type { Json } from '../../../src/lib/json.ts';
import { spansOf, tracesTold } from './traces.ts';
import { withVersion, type World } from './types.ts';
import type { WorldEvent } from './world-file.ts';

/** Lets one event of the script happen, and tells of it. */
export async function happen(world: World, event: WorldEvent): Promise<void> {
  worldly(world, event);
  technical(world, event);
  personal(world, event);
  await processes(world, event);
  await world.clock.advance(0);
}

function tell(world: World, who: string, text: string): void {
  world.story.tell(world.clock.nowMs(), who, text);
}

// What happens on the Windows host, whoever does it.
function onWindows(world: World, { is, to, by }: NonNullable<WorldEvent['windows']>): void {
  const { windows, source } = world;
  const { state } = windows;
  const service = world.file.windows ?? '';
  source.catchUp();
  tell(world, 'world', `win-1: ${is}${to === '' ? '' : ` ${to}`} (${by})`);
  if (is === 'cuts') state.cutAfterAct = true;
  if (is === 'pool-stopped') Object.assign(state.pool, { state: 3, workers: [] });
  if (is === 'service-stopped' || is === 'service-disabled') Object.assign(state.service, { state: 'Stopped', pid: 0 });
  if (is === 'service-disabled') state.service.start = 'Disabled';
  if (is !== 'deployed' && is !== 'pointed') return;
  const from = windows.release();
  state.site.path = `D:\\sites\\shop\\releases\\${to}`;
  if (is === 'deployed') source.changes.push({ ...change(world, 'deploy', service, 'current'), from, to, actor: by });
}

// What happens to the services, whoever does it.
function worldly(world: World, event: WorldEvent): void {
  const { host, source, clock } = world;
  if (event.deploy) {
    const { service, to, by, seen, irreversible, ref, hosts } = event.deploy;
    const from = hosts === undefined ? host.service(service).release : world.fleet.release(hosts[0] ?? '');
    const where = hosts === undefined ? '' : ` to ${hosts.join(', ')}`;
    tell(world, 'world', `${by} deploys ${service} ${to}${where} (was ${from})${seen ? '' : ', and nobody says so'}`);
    if (hosts === undefined) host.deploy(service, to);
    else world.fleet.deploy(hosts, to);
    const more = {
      actor: by,
      ...(irreversible === undefined ? {} : { irreversible }),
      ...(ref === undefined ? {} : { ref }),
      ...(hosts === undefined ? {} : { instances: hosts }),
    };
    if (seen) source.changes.push({ ...change(world, 'deploy', service, 'current'), from, to, ...more });
  }
  if (event.windows) onWindows(world, event.windows);
  if (event.rollout) {
    const { service, image, by } = event.rollout;
    const from = `shop:${world.cluster.version(service)}`;
    tell(world, 'world', `${by} rolls ${image} of ${service} out (was ${from})`);
    world.cluster.rollOut(by, service, image);
    if (!world.file.clusterIsRead)
      source.changes.push({ ...change(world, 'deploy', service, 'image'), from, to: image, actor: by });
  }
  if (event.write) {
    const { by, kind, name, namespace, change: what } = event.write;
    tell(world, 'world', `${by} writes to ${kind} ${name}`);
    world.cluster.write(by, kind, kind === 'Node' ? { name } : { namespace, name }, what);
  }
  inCluster(world, event);
  if (event.needs) {
    tell(world, 'world', `${event.needs.service} needs ${event.needs.mi} Mi of memory`);
    world.cluster.needs(event.needs.service, event.needs.mi);
  }
  if (event.change) {
    const { service, kind, what, from, to, by } = event.change;
    tell(world, 'world', `${by} changes ${what} of ${service} (${kind})`);
    const more = { actor: by, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    source.changes.push({ ...change(world, kind as ChangeKind, service, what), ...more });
  }
  if (event.trouble) {
    tell(world, 'world', `${event.trouble.service}: ${event.trouble.is} begins`);
    host.trouble(event.trouble.service, event.trouble.is, event.trouble.until);
  }
  if (event.calm !== undefined) {
    tell(world, 'world', `${event.calm}: the trouble is over by itself`);
    host.calm(event.calm);
  }
  if (event.removeRelease) {
    tell(world, 'world', `release ${event.removeRelease.release} of ${event.removeRelease.service} is deleted`);
    host.removeRelease(event.removeRelease.service, event.removeRelease.release);
  }
  if (event.logs) {
    const { service, body, severity, every, count, attributes } = event.logs;
    tell(world, 'world', `${service} logs (${severity}, ${count} times): ${body}`);
    for (let at = 0; at < count; at++)
      source.logs.push({ tMs: clock.nowMs() + at * every, source: 'world', service, severity, body, attributes });
  }
  if (event.traces) {
    tell(world, 'world', tracesTold(event.traces));
    source.spans.push(...spansOf(event.traces, clock.nowMs()));
  }
  if (event.supervised) host.service(event.supervised.service).supervised = event.supervised.is;
  if (event.busy) {
    tell(world, 'world', `systemd ${event.busy.is ? 'is at work on' : 'is done with'} ${event.busy.service}`);
    host.service(event.busy.service).busy = event.busy.is;
  }
}

function inCluster({ cluster, story, clock }: World, event: WorldEvent): void {
  const say = (text: string): void => story.tell(clock.nowMs(), 'cluster', text);
  if (event.object) {
    const { kind, metadata } = event.object as { kind: string; metadata: { name: string } };
    say(`${kind} ${metadata.name} is written`);
    cluster.put(event.object);
  }
  if (event.pods) {
    const { of, count, status } = event.pods;
    say(`pods of ${of}${count < 1_000 ? ` (${count})` : ''} are otherwise: ${JSON.stringify(status).slice(0, 200)}`);
    cluster.pods(of, count, status);
  }
  if (event.kind) {
    say(`${event.kind.plural} are ${event.kind.is}${event.kind.is === 'well' ? ' again' : ' to the source'}`);
    cluster.kind(event.kind.plural, event.kind.is);
  }
}

function change(world: World, kind: ChangeKind, service: string, what: string): Change {
  const atMs = world.clock.nowMs();
  return { id: `${kind}-${service}-${what}-${atMs}`, kind, service, atMs, what, source: 'world', attributes: {} };
}

// What happens to what the daemon stands on.
function technical(world: World, event: WorldEvent): void {
  const { host, source, clock, files } = world;
  if (event.source !== undefined) {
    tell(world, 'world', `the source is ${event.source}`);
    const { source: is } = event;
    source.hangs = is === 'hangs';
    source.lagMs = is === 'lags' ? 180_000 : 0;
    source.gap = is === 'unreachable' || is === 'timeout' || is === 'partial' ? is : undefined;
  }
  const jump = (event.jump ?? 0) - (event.jumpBack ?? 0);
  if (jump !== 0) {
    tell(world, 'world', `the wall clock jumps by ${jump / 1_000} s`);
    clock.jumpWall(jump);
  }
  for (const [name, text] of Object.entries(event.files ?? {})) {
    const path = `/etc/watchkeeper/resources/${name}.yaml`;
    tell(world, 'world', text === null ? `${name}.yaml is deleted` : `${name}.yaml is written`);
    if (text === null) files.remove(path);
    else files.set(path, withVersion(text));
  }
  if (event.trap) host.trap = event.trap;
  if (event.channel) {
    tell(world, 'world', `${event.channel.address} is ${event.channel.is}`);
    if (event.channel.is === 'unreachable') world.unreachable.add(event.channel.address);
    else world.unreachable.delete(event.channel.address);
  }
}

function personal(world: World, event: WorldEvent): void {
  const { agent } = world.daemon ?? {};
  if (!agent) return;
  for (const verdict of ['approve', 'deny'] as const) {
    const given = event[verdict];
    if (!given) continue;
    const about = aboutOf(world, given.about);
    tell(world, given.by, `${verdict === 'approve' ? 'approves' : 'denies'} ${about}`);
    void agent.answer(about, { id: given.by, groups: [] }, verdict, 'cli').then(
      (result: AnswerResult) => tell(world, given.by, `is told (${result.is}): ${result.message}`),
      (thrown: unknown) => tell(world, given.by, `is told: ${String(thrown)}`),
    );
  }
  if (event.pause) void agent.pause({ id: event.pause.by, groups: [] }, event.pause.reason);
  if (event.resume) void agent.resume({ id: event.resume.by, groups: [] }, event.resume.reason);
  if (event.alertmanager !== undefined) {
    tell(world, 'world', 'Alertmanager calls');
    void agent.alertmanager(event.alertmanager);
  }
  if (event.alertStorm) {
    const { alerts, services } = event.alertStorm;
    tell(world, 'world', `Alertmanager calls with ${alerts} alerts of ${services} services`);
    for (let from = 0; from < alerts; from += 500)
      void agent.alertmanager(stormBody(from, Math.min(500, alerts - from), services, world));
  }
  if (event.announce !== undefined) {
    tell(world, 'world', 'a pipeline announces a change');
    void agent.announce(event.announce as Json, { id: 'token:ci', groups: [] }).then(({ problems }) => {
      for (const problem of problems) tell(world, 'token:ci', `is told: ${problem}`);
    });
  }
  if (event.plan)
    void agent
      .plan(event.plan.runbook, event.plan.service, {})
      .then(({ plan, decision, because }) =>
        tell(
          world,
          'cli',
          `plan: ${because ?? `${plan?.steps.map((step) => step.describe).join('; ') ?? ''}: ${decision?.outcome ?? ''}`}`,
        ),
      );
}

function stormBody(from: number, count: number, services: number, world: World): Json {
  const alerts = Array.from({ length: count }, (_, at) => ({
    status: 'firing',
    labels: { alertname: `Alert${from + at}`, service: `shop-${(from + at) % services}`, severity: 'critical' },
    annotations: { summary: `something is wrong (${from + at})` },
    startsAt: new Date(world.clock.nowMs()).toISOString(),
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: '',
    fingerprint: (from + at).toString(16).padStart(16, '0'),
  }));
  return {
    version: '4',
    groupKey: `storm-${from}`,
    status: 'firing',
    receiver: 'watchkeeper',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: '',
    truncatedAlerts: 0,
    alerts,
  };
}

function aboutOf(world: World, which: 'latest' | 'first' | 'incident'): string {
  const plan = which === 'first' ? world.asked[0] : world.asked.at(-1);
  if (which !== 'incident') return plan ?? 'nothing-yet';
  return world.daemon?.composed.watch.state().incidents.at(-1)?.id ?? 'nothing-yet';
}

async function processes(world: World, event: WorldEvent): Promise<void> {
  if (event.crash === true) {
    tell(world, 'daemon', 'is killed');
    world.daemon?.crash();
  }
  if (event.restart === true) {
    tell(world, 'daemon', 'is stopped in order');
    const stopped = world.daemon?.agent.stop();
    await world.clock.advance(2_000);
    await stopped;
  }
  if (event.start === true || event.restart === true) await world.boot();
}
