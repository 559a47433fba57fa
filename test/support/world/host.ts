import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Exec, Http, Processes } from '../../../src/domain/ports/io.ts';
import { memoryFiles, type MemoryFiles } from '../memory-files.ts';
import type { VirtualClock } from '../virtual-clock.ts';

/** Something that was really done to the simulated machine, in order. */
export interface Effect {
  readonly atMs: number;
  readonly what: 'linked' | 'killed' | 'unlinked' | 'restarted' | 'wrote';
  readonly detail: string;
  readonly service: string;
}

interface HostedService {
  readonly name: string;
  pid: number;
  /** What it runs: the release `current` pointed to when it started. */
  release: string;
  /** How its signals are overlaid until it is started anew, or told to calm down. */
  trouble: { readonly name: string; readonly until: 'restart' | 'calm' } | undefined;
  /** It comes up again after its end only while this holds. */
  supervised: boolean;
  /** systemd has a job for it. */
  busy: boolean;
  startedMs: number;
}

/** A trap for the process that acts: it dies right before or right after this effect. */
export interface Trap {
  readonly on: Effect['what'];
  readonly moment: 'before' | 'after';
}

/** The simulated machine: release folders, links, processes under a supervisor, all over memory files. */
export interface SimHost {
  readonly files: MemoryFiles;
  readonly processes: Processes;
  /** `systemctl`, as far as the actions ask for it: services added with a unit. */
  readonly exec: Exec;
  readonly http: Http;
  readonly effects: Effect[];
  /** Called whenever what runs changes, before it does: telemetry up to now is of the old state. */
  onChange: () => void;
  /** Called when a trap closes. */
  onTrap: () => void;
  /** Told of every effect. */
  onEffect: (effect: Effect) => void;
  /** Whether its health check fails although it runs. */
  isSick: (service: string) => boolean;
  trap: Trap | undefined;
  /** Troubles of services that run elsewhere. */
  readonly elsewhere: Map<string, string>;
  add(name: string, releases: readonly string[], current: string): void;
  /** Somebody else deploys: the link is moved and the service starts anew, with no effect counted against us. */
  deploy(name: string, to: string): void;
  removeRelease(name: string, release: string): void;
  service(name: string): HostedService;
  trouble(name: string, overlay: string, until: 'restart' | 'calm'): void;
  calm(name: string): void;
}

const restartTakesMs = 1_000;

/** Makes an empty machine that booted an hour before the clock's start. */
export function simHost(clock: VirtualClock): SimHost {
  const files = memoryFiles();
  const services = new Map<string, HostedService>();
  const bootedMs = -3_600_000;
  let nextPid = 4_000;
  const root = (name: string): string => `/srv/${name}`;
  const uptime = (): void => files.set('/proc/uptime', `${((clock.monotonicMs() - bootedMs) / 1_000).toFixed(2)} 0\n`);
  const find = (name: string): HostedService => {
    const found = services.get(name);
    if (!found) throw new Error(`no service ${name} on the simulated host`);
    return found;
  };
  const linked = (name: string): string => {
    const target = targets.get(name) ?? '';
    return target.slice(target.lastIndexOf('/') + 1);
  };
  const targets = new Map<string, string>();
  const start = (service: HostedService): void => {
    host.onChange();
    uptime();
    nextPid += 1;
    service.startedMs = clock.monotonicMs() - bootedMs;
    service.pid = nextPid;
    service.release = linked(service.name);
    if (service.trouble?.until === 'restart') service.trouble = undefined;
    const ticks = Math.round((clock.monotonicMs() - bootedMs) / 10);
    files.set(`/run/${service.name}.pid`, `${nextPid}\n`);
    files.set(`/proc/${nextPid}/stat`, `${nextPid} (${service.name}) S ${'0 '.repeat(18)}${ticks} 0\n`);
  };
  const end = (service: HostedService): void => {
    host.onChange();
    files.remove(`/proc/${service.pid}`);
    service.pid = 0;
    if (!service.supervised) return;
    void clock.sleep(restartTakesMs, new AbortController().signal).then(() => start(service));
  };
  const point = (name: string, to: string): void => {
    targets.set(name, to);
    files.link(`${root(name)}/current`, to, clock.nowMs());
  };
  const effect = (what: Effect['what'], service: string, detail: string, happen: () => void): void => {
    const trapped = host.trap?.on === what ? host.trap : undefined;
    if (trapped) host.trap = undefined;
    if (trapped?.moment === 'before') {
      host.onTrap();
      return;
    }
    const done: Effect = { atMs: clock.nowMs(), what, detail, service };
    host.effects.push(done);
    host.onEffect(done);
    happen();
    if (trapped) host.onTrap();
  };
  const host: SimHost = {
    effects: [],
    onChange: () => undefined,
    onTrap: () => undefined,
    onEffect: () => undefined,
    isSick: () => false,
    elsewhere: new Map(),
    trap: undefined,
    files: {
      ...files,
      read: (path, maxBytes, signal) => {
        if (path === '/proc/uptime') uptime();
        return files.read(path, maxBytes, signal);
      },
      replaceSymlink: (path, target, signal) => {
        if (signal.aborted) throw new WatchkeeperError('aborted', `${path}: stopped`);
        const name = path.split('/')[2] ?? '';
        effect('linked', name, `${path} → ${target}`, () => point(name, target));
        return Promise.resolve();
      },
      unlink: (path, signal) => {
        effect('unlinked', '', path, () => undefined);
        return files.unlink(path, signal);
      },
    },
    processes: {
      kill: (pid, signalName) => {
        const service = [...services.values()].find((one) => one.pid === pid);
        if (!service) throw new WatchkeeperError('not-found', `no process ${pid}`);
        effect('killed', service.name, `${signalName} to ${service.name}`, () => end(service));
      },
    },
    exec: {
      run: (argv) => {
        const unit = argv.at(-1) ?? '';
        const service = services.get(unit.replace(/\.service$/, ''));
        const answer = { code: 0, signalName: null, stderr: '', truncated: false };
        if (!service) return Promise.resolve({ ...answer, stdout: 'LoadState=not-found\nActiveState=inactive\n' });
        if (argv[1] === 'restart') {
          effect('restarted', service.name, unit, () => start(service));
          return Promise.resolve({ ...answer, stdout: '' });
        }
        const stdout = [
          'LoadState=loaded',
          `ActiveState=${service.pid === 0 ? 'inactive' : 'active'}`,
          `InvocationID=${service.pid}`,
          `ActiveEnterTimestampMonotonic=${service.startedMs * 1_000}`,
          `MainPID=${service.pid}`,
          `Job=${service.busy ? 7 : 0}`,
        ].join('\n');
        return Promise.resolve({ ...answer, stdout });
      },
    },
    http: {
      request: ({ url }) => {
        const service = services.get(new URL(url).hostname.split('.')[0] ?? '');
        const up = service !== undefined && service.pid !== 0;
        if (up && host.isSick(service.name))
          return Promise.resolve({ status: 503, headers: {}, body: new Uint8Array() });
        if (!up) return Promise.reject(new WatchkeeperError('unreachable', `${url}: connection refused`));
        return Promise.resolve({ status: 200, headers: {}, body: new Uint8Array() });
      },
    },
    add: (name, releases, current) => {
      const service: HostedService = {
        name,
        pid: 0,
        release: current,
        trouble: undefined,
        supervised: true,
        busy: false,
        startedMs: 0,
      };
      services.set(name, service);
      for (const release of releases) files.set(`${root(name)}/releases/${release}/app`, release);
      point(name, `releases/${current}`);
      start(service);
    },
    deploy: (name, to) => {
      const service = find(name);
      host.onChange();
      files.set(`${root(name)}/releases/${to}/app`, to);
      point(name, `releases/${to}`);
      files.remove(`/proc/${service.pid}`);
      start(service);
    },
    removeRelease: (name, release) => files.remove(`${root(name)}/releases/${release}`),
    service: find,
    trouble: (name, overlay, until) => {
      host.onChange();
      const service = services.get(name);
      if (service) service.trouble = { name: overlay, until };
      else host.elsewhere.set(name, overlay);
    },
    calm: (name) => {
      host.onChange();
      host.elsewhere.delete(name);
      const service = services.get(name);
      if (service) service.trouble = undefined;
    },
  };
  return host;
}
