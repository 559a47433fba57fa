import type { AwsReaders } from '../../../domain/ports/aws.ts';
import type { CloudHost, CloudHosts, CloudHostsAnswer, CloudHostsQuery } from '../../../domain/ports/cloud-hosts.ts';
import type { AzureReaders } from '../../../domain/ports/azure.ts';
import type { GcpReaders } from '../../../domain/ports/gcp.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import { awsHosts, awsScope } from '../aws/hosts.ts';
import { azureHosts, azureScope } from '../azure/hosts.ts';
import { gcpHosts, gcpScope } from '../gcp/hosts.ts';

/** A source of watchkeeper.yaml: its block is read for where its machines are. */
export interface CloudSource {
  readonly id: string;
  readonly kind: string;
  readonly config: JsonObject;
}

/** What clouds are asked through. */
export interface CloudHostsParts {
  readonly clock: Clock;
  readonly aws: AwsReaders;
  readonly azure: AzureReaders;
  readonly gcp: GcpReaders;
}

type List = (query: CloudHostsQuery, signal: AbortSignal) => Promise<readonly CloudHost[]>;

const kinds: Readonly<Record<string, (source: CloudSource, parts: CloudHostsParts) => List>> = {
  aws: ({ id, config }, { aws }) => {
    const scope = awsScope.parse(config);
    const reader = aws.reader({ ...scope, source: id });
    return (query, signal) => awsHosts(reader, scope, query, signal);
  },
  azure: ({ id, config }, { azure }) => {
    const scope = azureScope.parse(config);
    const reader = azure.reader({ ...scope, source: id });
    return (query, signal) => azureHosts(reader, scope, query, signal);
  },
  gcp: ({ id, config }, { gcp }) => {
    const scope = gcpScope.parse(config);
    const reader = gcp.reader({ ...scope, source: id });
    return (query, signal) => gcpHosts(reader, scope, query, signal);
  },
};

/** The kinds of source whose machines can be an inventory. */
export const cloudKinds: readonly string[] = Object.keys(kinds);

interface Known {
  readonly atMs: number;
  readonly hosts: readonly CloudHost[];
}

/** How old an answer may be before the cloud is asked anew. */
const freshMs = 120_000;

/** The machines of these sources. Who asks while an answer is young, or under way, shares it. */
export function cloudHosts(sources: readonly CloudSource[], parts: CloudHostsParts): CloudHosts {
  const lists = new Map<string, List>();
  const last = new Map<string, Known>();
  const tried = new Map<string, { readonly atMs: number; readonly answer: Promise<CloudHostsAnswer> }>();
  const listOf = (id: string): List => {
    const known = lists.get(id);
    if (known !== undefined) return known;
    const source = sources.find((one) => one.id === id);
    const make = source === undefined ? undefined : kinds[source.kind];
    if (source === undefined || make === undefined)
      throw new WatchkeeperError('config-invalid', `there is no source ${id} of a cloud`);
    const made = make(source, parts);
    lists.set(id, made);
    return made;
  };
  const ask = async (key: string, query: CloudHostsQuery): Promise<CloudHostsAnswer> => {
    const deadline = parts.clock.deadline(limits.cloudHostsTimeoutMs, new AbortController().signal);
    try {
      const hosts = (await listOf(query.source)(query, deadline.signal)).slice(0, limits.cloudHosts);
      last.set(key, { atMs: parts.clock.nowMs(), hosts });
      return { hosts };
    } catch (thrown) {
      const { message } = WatchkeeperError.from(thrown);
      const before = last.get(key);
      const kept =
        before === undefined
          ? 'none of its hosts is known'
          : `its ${before.hosts.length} hosts of ${new Date(before.atMs).toISOString()} are read on`;
      return {
        hosts: before?.hosts ?? [],
        problem: `${query.source} does not say which hosts there are (${message}): ${kept}`,
      };
    } finally {
      deadline.cancel();
    }
  };
  return {
    list: async (query, signal) => {
      const key = JSON.stringify(query);
      const nowMs = parts.clock.monotonicMs();
      const young = tried.get(key);
      const answer = young !== undefined && nowMs - young.atMs < freshMs ? young.answer : ask(key, query);
      if (answer !== young?.answer) tried.set(key, { atMs: nowMs, answer });
      return raced(answer, signal);
    },
  };
}

// The answer may be for others as well: who is stopped only stops waiting.
function raced<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new WatchkeeperError('aborted', 'stopped', { cause: signal.reason }));
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener('abort', stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
