import { digest } from '../lib/canonical.ts';
import { toResources } from './assemble.ts';
import type { Composed } from './compose.ts';
import type { Agent } from './facade.ts';
import { asJson } from './records.ts';
import { createReloader, problemLine, type Config, type Loaded, type LoadOptions, type Problem } from './load/index.ts';

/** Hot reload, bound to the watch: what changed is checked whole and swapped whole, and everybody is told. */
export interface Reloading {
  run(signal: AbortSignal): Promise<void>;
  readonly check: (signal: AbortSignal) => ReturnType<Agent['reload']>;
  readonly state: () => { readonly ok: boolean; readonly problems: readonly string[] };
}

const mostProblems = 20;

/** Makes it; the set in force is the one that was loaded at the start. */
export function createReloading(composed: Composed, load: LoadOptions, startDigest: string, loaded: Loaded): Reloading {
  const { watch } = composed;
  let state: { readonly ok: boolean; readonly problems: readonly string[] } = { ok: true, problems: [] };
  let restart: readonly string[] = [];
  watch.metrics.reloadOk.set(1);
  watch.metrics.reloadTime.set(watch.clock.nowMs() / 1_000);

  const reloader = createReloader({
    load,
    clock: watch.clock,
    digest: startDigest,
    loaded,
    everyMs: loaded.config.reloadEveryMs,
    apply: (next, newDigest) => {
      composed.use(toResources(next.resources.documents, next.config, newDigest, watch.clock.nowMs()));
      const settings = needRestart(loaded.config, next.config);
      if (settings.length > 0) watch.log.warn('some settings take effect only with the next start', { settings });
      restart = settings.map((setting) => `${setting} in watchkeeper.yaml takes effect only with the next start`);
    },
    report: (report) => {
      const lines = report.ok ? [] : report.problems.slice(0, mostProblems).map(problemLine);
      state = { ok: report.ok, problems: report.ok ? restart : lines };
      watch.metrics.reloadOk.set(report.ok ? 1 : 0);
      if (report.ok) watch.metrics.reloadTime.set(report.atMs / 1_000);
      // The last good set goes on watching. Acting on it is another matter: whoever broke the files may have been
      // about to forbid something (I2), so until they are right again the watch observes.
      watch.health.set('resources', report.ok ? undefined : brokenBecause(report.problems));
      if (report.ok)
        watch.log.info('resources were reloaded', {
          digest: report.digest,
          policies: watch.resources().policies.digest,
        });
      else watch.log.error('resources were refused; the last good set stays in force', { problems: lines });
      void record(composed, report.ok, report.digest, lines);
    },
  });
  const feed = load.feed?.(loaded.config);
  const listen = async (signal: AbortSignal): Promise<void> => {
    while (feed !== undefined && !signal.aborted) {
      watch.health.set('custom-resources', feed.unwell());
      for (const [kind, count] of feed.refused()) watch.metrics.documentsRefused.set({ kind }, count);
      await watch.clock.sleep(loaded.config.reloadEveryMs, signal).catch(() => undefined);
    }
  };
  return {
    run: async (signal) => {
      await Promise.all([reloader.run(signal), listen(signal)]);
    },
    state: () => state,
    check: async (signal) => {
      await reloader.check(signal);
      return state;
    },
  };
}

// Resources, groups and escalations are swapped; what holds a connection, a file or a port is made once.
function needRestart(old: Config, now: Config): readonly string[] {
  const settings = [
    ...(['dataDir', 'store', 'leadership', 'sources', 'channels', 'http', 'ledger'] as const),
    ...(['defaults', 'incidents', 'limits', 'retention'] as const),
  ];
  return settings.filter((setting) => digest(asJson(old[setting])) !== digest(asJson(now[setting])));
}

function brokenBecause(problems: readonly Problem[]): string {
  const [first] = problems;
  return `the files on disk are not what is in force (${first ? problemLine(first) : 'they cannot be read'})`;
}

async function record(composed: Composed, ok: boolean, digest: string, lines: readonly string[]): Promise<void> {
  const { watch } = composed;
  const body = { digest, policies: watch.resources().policies.digest };
  await watch.ledger
    .record({
      drafts: [
        {
          type: ok ? 'config-loaded' : 'config-rejected',
          actor: 'watchkeeper',
          atMs: watch.clock.nowMs(),
          subject: {},
          body,
          ...(ok ? {} : { payload: { problems: [...lines] } }),
        },
      ],
    })
    .catch((thrown: unknown) => watch.log.error('a reload could not be recorded', { error: thrown }));
}
