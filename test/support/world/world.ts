import { renderNotice } from '../../../src/chat/index.ts';
import type { Change } from '../../../src/domain/change.ts';
import type { WatchParts } from '../../../src/agent/compose.ts';
import type { Channel } from '../../../src/domain/ports/channel.ts';
import type { Ledger, RecordBatch } from '../../../src/domain/ports/ledger.ts';
import { createScrubber } from '../../../src/io/index.ts';
import { seededRandom } from '../seeded-random.ts';
import { virtualClock } from '../virtual-clock.ts';
import { simCluster } from './cluster.ts';
import { filesOf } from './files.ts';
import { simWindows } from './windows.ts';
import { bootDaemon } from './daemon.ts';
import { endingOf } from './ending.ts';
import { happen } from './events.ts';
import { simFleet } from './fleet.ts';
import { simHost, type Effect, type SimHost } from './host.ts';
import { narrate } from './narrate.ts';
import { emptyRamDisk } from './ram-store.ts';
import { startStory } from './story.ts';
import { scriptedSource } from './telemetry.ts';
import type { World } from './types.ts';
import type { WorldFile } from './world-file.ts';

export type { World } from './types.ts';

export interface RunOptions {
  /** Secrets the scrubber knows. */
  readonly secrets?: readonly string[];
  readonly bend?: (parts: WatchParts, world: World) => WatchParts;
}

/** Runs a scenario to its end. */
export async function runWorld(file: WorldFile, options: RunOptions = {}): Promise<World> {
  const world = makeWorld(file, options);
  await world.boot();
  for (const event of [...file.events].sort((a, b) => a.at - b.at)) {
    await advanceTo(world, event.at);
    world.source.catchUp();
    await happen(world, event);
  }
  await advanceTo(world, file.lasts);
  world.story.tell(world.clock.nowMs(), 'the end', await endingOf(world));
  return world;
}

/** The transcript as it is kept. */
export function transcriptOf(world: World): string {
  return `${world.file.story.trim()}\n\n${shortened(world.story.lines).join('\n')}\n`;
}

const mostAlike = 12;

// Of many alerts at one moment the first are shown, and how many more there were.
function shortened(lines: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let alike = 0;
  const headOf = (line: string): string => line.slice(0, 19);
  lines.forEach((line, index) => {
    const isAlert = line.slice(9).startsWith('alert');
    alike = isAlert && headOf(line) === headOf(lines[index - 1] ?? '') ? alike + 1 : 0;
    if (alike < mostAlike) kept.push(line);
    else if (headOf(lines[index + 1] ?? '') !== headOf(line))
      kept.push(`${headOf(line)} ... and ${alike - mostAlike + 1} more`);
  });
  return kept;
}

// Monotonic: a jump of the wall clock does not move the script.
async function advanceTo(world: World, ms: number): Promise<void> {
  await world.clock.advance(Math.max(0, ms - world.clock.monotonicMs()));
}

function makeWorld(file: WorldFile, options: RunOptions): World {
  const startMs = Date.parse(file.starts);
  const clock = virtualClock(startMs);
  const random = seededRandom(file.seed);
  const host = simHost(clock);
  const cluster = simCluster(file, clock, {
    onEffect: (effect) => {
      source.catchUp();
      host.effects.push(effect);
      host.onEffect(effect);
    },
    onMoved: (service, from, to) => {
      if (!file.clusterIsRead) source.changes.push(moved(service, from, to, clock.nowMs()));
    },
  });
  const fleet = simFleet(file.fleet, clock, {
    onChange: () => source.catchUp(),
    onEffect: (effect) => {
      host.effects.push(effect);
      world.story.tell(effect.atMs, 'machine', `${effect.what} ${effect.detail}`);
    },
    onBack: (name, service, from, to) =>
      source.changes.push({ ...moved(service, from, to, clock.nowMs(), 'current'), instances: [name] }),
    isUnreachable: (name) => host.elsewhere.get(name) === 'unreachable',
  });
  const source = scriptedSource('world', () => clock.nowMs(), { intervalMs: file.every, pastMs: 2 * 3_600_000 });
  const windows = simWindows(file.windows ?? '', clock, {
    onChange: () => source.catchUp(),
    onEffect: (effect) => {
      host.effects.push(effect);
      host.onEffect(effect);
    },
  });
  const scrubber = createScrubber();
  for (const secret of options.secrets ?? []) scrubber.learn(secret);
  const world: World = {
    file,
    clock,
    host,
    cluster,
    fleet,
    windows,
    source,
    files: filesOf(file),
    story: startStory(startMs),
    disk: emptyRamDisk(),
    scrubber,
    startMs,
    unreachable: new Set(),
    heard: [],
    logLines: [],
    recorded: [],
    policies: new Map(),
    asked: [],
    daemon: undefined,
    boot: async () => {
      world.daemon = await bootDaemon({
        clock,
        random,
        disk: world.disk,
        host,
        kubernetes: cluster,
        fleet: file.windows === undefined ? fleet.operators : windows.ssh,
        clusters: file.clusterIsRead ? cluster.readers : undefined,
        source,
        channels: new Map(['people', 'log', 'terminal'].map((id) => [id, channelOf(world, id)])),
        files: world.files,
        scrubber,
        writeLog: (line) => world.logLines.push(line),
        listen: (ledger) => listenTo(world, ledger),
        bend: (parts) => options.bend?.(parts, world) ?? parts,
        inForce: (policies) => world.policies.set(policies.digest, policies),
      });
      world.daemon.started.catch((thrown: unknown) =>
        world.story.tell(clock.nowMs(), 'daemon', `cannot start: ${String(thrown)}`),
      );
    },
  };
  for (const [name, { releases, current }] of Object.entries(file.host)) host.add(name, releases, current);
  for (const [name, ageMs] of Object.entries(file.hostFiles)) host.files.set(name, 'x'.repeat(1_000), startMs - ageMs);
  host.onChange = () => source.catchUp();
  host.isSick = (name) => file.troubles[host.service(name).trouble?.name ?? '']?.['process_up'] === '0';
  host.onTrap = () => {
    world.story.tell(clock.nowMs(), 'daemon', 'dies in the middle of it');
    world.daemon?.crash();
  };
  host.onEffect = (effect) => {
    world.story.tell(effect.atMs, 'machine', `${effect.what} ${effect.detail}`);
    if (effect.what === 'linked') source.changes.push(seenMoving(host, effect));
  };
  source.tuneOf = (service, signal, name) => tuneOf(world, service, signal, name);
  source.hostsOf = (service) => fleet.hostsOf(service);
  return world;
}

// A template that moves back is seen by the source, whoever moved it.
function moved(service: string, from: string, to: string, atMs: number, what = 'image'): Change {
  const id = `rollback-${service}-${atMs}`;
  return { id, kind: 'rollback', service, atMs, what, from, to, source: 'world', attributes: {} };
}

// A link that moves back is seen by the source as it would be by the real one, whoever moved it.
function seenMoving(host: SimHost, { service, atMs, detail }: Effect): Change {
  const to = detail.slice(detail.lastIndexOf('/') + 1);
  const from = host.service(service).release;
  return {
    id: `rollback-${service}-${atMs}`,
    kind: 'rollback',
    service,
    atMs,
    what: 'current',
    from,
    to,
    source: 'world',
    attributes: {},
  };
}

function tuneOf(
  { file, host, cluster, fleet, windows }: World,
  service: string,
  signal: string,
  on: string,
): string | undefined {
  const usual = file.signals[service]?.[signal] ?? file.many?.signals[signal];
  if (on !== '') {
    const trouble = host.elsewhere.get(on) ?? host.elsewhere.get(service) ?? '';
    return file.troubles[trouble]?.[signal] ?? file.releases[service]?.[fleet.release(on)]?.[signal] ?? usual;
  }
  if (cluster.has(service)) {
    const overlay = cluster.starved(service) ? 'starved' : (host.elsewhere.get(service) ?? '');
    return file.troubles[overlay]?.[signal] ?? file.releases[service]?.[cluster.version(service)]?.[signal] ?? usual;
  }
  if (file.windows === service)
    return windows.tuneOf(signal) ?? file.releases[service]?.[windows.release()]?.[signal] ?? usual;
  if (file.host[service] === undefined) return file.troubles[host.elsewhere.get(service) ?? '']?.[signal] ?? usual;
  const { trouble, release, pid } = host.service(service);
  if (signal === 'process_up') return pid === 0 ? '0' : (file.troubles[trouble?.name ?? '']?.['process_up'] ?? '1');
  return file.troubles[trouble?.name ?? '']?.[signal] ?? file.releases[service]?.[release]?.[signal] ?? usual;
}

function channelOf(world: World, id: string): Channel {
  return {
    id,
    kind: id,
    traits: { approvals: true, threads: false, edits: false },
    post: (notice, address) => {
      const nowMs = world.clock.nowMs();
      const who = address === '' ? id : address;
      world.heard.push({ atMs: nowMs, address: who, notice, text: renderNotice(notice) });
      if (world.unreachable.has(who)) {
        world.story.tell(nowMs, 'people', `${who} cannot be reached: ${notice.title}`);
        return Promise.resolve({ is: 'failed', reason: 'no answer', retryable: true });
      }
      const lines = [`${who} hears (${notice.kind}): ${notice.title}`, ...notice.lines];
      if (notice.suggestions && notice.suggestions.length > 0 && notice.plan === undefined)
        lines.push(...notice.suggestions.slice(0, 2).map((one) => `try: ${one}`));
      if (notice.ifNobodyAnswers !== undefined) lines.push(notice.ifNobodyAnswers);
      world.story.tell(nowMs, 'people', lines.join('\n'));
      return Promise.resolve({ is: 'accepted' });
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function listenTo(world: World, ledger: Ledger): Ledger {
  return {
    ...ledger,
    record: async (batch: RecordBatch) => {
      const entries = await ledger.record(batch);
      const atMs = world.clock.nowMs();
      for (const draft of batch.drafts) {
        world.recorded.push({ draft: structuredClone(draft), atMs });
        if (draft.type === 'approval-requested' && draft.subject.plan !== undefined)
          world.asked.push(draft.subject.plan);
        narrate(world.story, draft, atMs);
      }
      return entries;
    },
  };
}
