import type { ReaderIo } from '../../domain/ports/io.ts';
import type { KubernetesReader } from '../../domain/ports/kubernetes.ts';
import type { Source, SourcePart } from '../../domain/ports/source.ts';
import { servesResource } from '../../io/clients/kubernetes/discovery.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { createCollector } from './collect.ts';
import type { Part } from './cluster.ts';
import { blindnessOf } from './gaps.ts';
import { placesOf, isVital, watchedKinds, wantedKinds, workloadKinds, type KindName } from './kinds.ts';
import type { KubernetesConfig } from './schema.ts';
import { kubernetesTraits } from './traits.ts';
import { discoverServices } from './services.ts';
import { createClusterState } from './state.ts';

/** A live reader of one cluster. Its watches begin with the first question. */
export function createKubernetesSource(id: string, config: KubernetesConfig, io: ReaderIo): Source {
  const reader = io.kubernetes.reader({ ...config.connection, cluster: id });
  const state = createClusterState(config, io, reader);
  const collector = createCollector(id, config.intervalMs, io.clock, state);
  const begin = async (signal: AbortSignal): Promise<void> => {
    state.start();
    await state.started(signal);
  };
  return {
    id,
    kind: 'kubernetes',
    traits: kubernetesTraits,
    intervalMs: config.intervalMs,
    collect: async (request, signal) => {
      await begin(signal);
      return request.mode === 'live' ? collector.live(request) : collector.history(request, signal);
    },
    discover: async (signal) => {
      await begin(signal);
      const unread = state.watch.parts().find(({ kind, status }) => {
        const never = status.lists === 0 && status.state === 'failing' && status.fault?.code !== 'forbidden';
        return never && (kind === 'namespaces' || (Object.values(workloadKinds) as KindName[]).includes(kind));
      });
      if (unread !== undefined)
        throw new WatchkeeperError('unreachable', `${id} could not list ${unread.kind} yet`, {
          cause: unread.status.fault,
        });
      const { view } = state.watch;
      return discoverServices({
        source: id,
        services: config.services,
        nodes: config.nodes,
        view,
        beside: state.beside,
      });
    },
    news: (signal) => state.news.rung(signal),
    newServices: (signal) => state.services.rung(signal),
    parts: () => state.watch.parts().map((part) => partOf(part, io.clock.nowMs())),
    check: (signal) => checkAccess(id, config, reader, signal),
    close: () => state.stop(),
  };
}

function partOf(part: Part, nowMs: number): SourcePart {
  const { kind, namespace, status, objects } = part;
  const [blind] = status.lists === 0 ? [] : blindnessOf([part], nowMs);
  const { heardMs } = status;
  return {
    ...{ name: namespace === undefined ? kind : `${namespace}/${kind}`, objects, vital: isVital(kind) },
    ...(namespace === undefined ? {} : { namespace }),
    ...(heardMs === undefined ? {} : { heardMs }),
    // What is too much is watched as far as it goes.
    ...(blind === undefined || blind.reason === 'too-large' ? {} : { stale: blind.message }),
  };
}

async function checkAccess(
  id: string,
  config: KubernetesConfig,
  reader: KubernetesReader,
  signal: AbortSignal,
): Promise<void> {
  await reader.version(signal);
  const missing: string[] = [];
  for (const kind of wantedKinds(config)) {
    const { resource, addOn } = watchedKinds[kind];
    if (addOn === true && !(await servesResource(reader, resource, signal))) continue;
    for (const within of placesOf(kind, config.namespaces))
      for (const verb of ['list', 'watch']) {
        const { group, plural } = resource;
        if (await reader.may({ verb, group, resource: plural, ...within }, signal)) continue;
        const { namespace, name } = within;
        const where = namespace === undefined ? '' : ` in ${namespace}`;
        missing.push(`${verb} ${plural}${name === undefined ? where : ` ${name}`}`);
      }
  }
  if (missing.length === 0) return;
  throw new WatchkeeperError('forbidden', `source ${id} may not ${missing.join(', ')}`, {
    fix: "Grant it in a Role, or leave the kind out in the source's block (nodes, events, configMaps, certificates, gitops, helm).",
  });
}
