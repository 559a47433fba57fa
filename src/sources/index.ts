import type { AwsStatement } from '../domain/ports/aws.ts';
import type { GcpGrant } from '../domain/ports/gcp.ts';
import type { ReaderIo } from '../domain/ports/io.ts';
import type { Schema } from '../domain/ports/schema.ts';
import type { KubernetesConnection } from '../domain/ports/kubernetes.ts';
import type { ClusterReading, Source, SourceKind, SourceTraits } from '../domain/ports/source.ts';
import type { Parsed } from '../lib/issues.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { awsSource } from './aws/index.ts';
import { azureSource } from './azure/index.ts';
import { gcpSource } from './gcp/index.ts';
import { hostSource } from './host/index.ts';
import { sshSource } from './ssh/index.ts';
import { kubernetesSource } from './kubernetes/index.ts';
import { elasticsearchSource } from './elasticsearch/index.ts';
import { jaegerSource } from './jaeger/index.ts';
import { lokiSource } from './loki/index.ts';
import { tempoSource } from './tempo/index.ts';
import { victorialogsSource } from './victorialogs/index.ts';
import { prometheusSource } from './prometheus/index.ts';
import { scrapeSource } from './scrape/index.ts';

/**
 * # Sources: where Watchkeeper reads the world
 *
 * A source turns somebody else's telemetry into ours: series, log records, changes, resource states, and a Gap for
 * everything it could not read. It holds a reader's credentials and a reader's ports, so nothing in this folder can
 * change anything. A new source is a folder that exports a `SourceKind`, and one line in the map below; it passes
 * `test/contract/source.ts`.
 */
export const sourceKinds: Readonly<Record<string, RegisteredSource>> = {
  host: registered(hostSource),
  ssh: registered(sshSource),
  kubernetes: registered(kubernetesSource),
  aws: registered(awsSource),
  azure: registered(azureSource),
  gcp: registered(gcpSource),
  elasticsearch: registered(elasticsearchSource),
  jaeger: registered(jaegerSource),
  loki: registered(lokiSource),
  tempo: registered(tempoSource),
  victorialogs: registered(victorialogsSource),
  prometheus: registered(prometheusSource),
  scrape: registered(scrapeSource),
};

/** A kind of source with its configuration's type folded away: the configuration is checked when it is opened. */
export interface RegisteredSource {
  readonly kind: string;
  readonly summary: string;
  readonly traits: SourceTraits;
  /** Checks a Service's telemetry binding. */
  readonly query: Schema<JsonObject>;
  /** Checks a Service's `logs` and `traces` bindings; what is absent cannot be bound. */
  readonly records: NonNullable<SourceKind<never>['records']>;
  /** For editors and docs: the JSON Schema of the source's block in watchkeeper.yaml. */
  configSchema(): JsonObject;
  /** Checks the configuration alone. */
  parse(config: Json): Parsed<unknown>;
  /** What it needs to be allowed in a cluster; nothing for a configuration that is not right. */
  access(config: Json): readonly ClusterReading[];
  /** What it needs to be allowed in AWS. */
  awsAccess(config: Json): readonly AwsStatement[];
  /** What its identity needs to be allowed in Azure. */
  azureAccess(config: Json): readonly string[];
  /** What it needs to be allowed in its projects of Google Cloud. */
  gcpAccess(config: Json): readonly GcpGrant[];
  /** How it reaches a cluster; nothing for what is in none. */
  connection(id: string, config: Json): KubernetesConnection | undefined;
  /** Checks the configuration and, when it is right, makes the source. Nothing is read or connected yet. */
  open(id: string, config: Json, io: ReaderIo): Parsed<Source>;
}

function registered<Config>(kind: SourceKind<Config>): RegisteredSource {
  return {
    kind: kind.kind,
    summary: kind.summary,
    traits: kind.traits,
    query: kind.query,
    records: kind.records ?? {},
    configSchema: () => kind.config.jsonSchema(),
    parse: (config) => kind.config.parse(config),
    access(config) {
      const parsed = kind.config.parse(config);
      return parsed.ok ? (kind.access?.(parsed.value) ?? []) : [];
    },
    awsAccess(config) {
      const parsed = kind.config.parse(config);
      return parsed.ok ? (kind.awsAccess?.(parsed.value) ?? []) : [];
    },
    azureAccess(config) {
      const parsed = kind.config.parse(config);
      return parsed.ok ? (kind.azureAccess?.(parsed.value) ?? []) : [];
    },
    gcpAccess(config) {
      const parsed = kind.config.parse(config);
      return parsed.ok ? (kind.gcpAccess?.(parsed.value) ?? []) : [];
    },
    connection(id, config) {
      const parsed = kind.config.parse(config);
      return parsed.ok ? kind.connection?.(id, parsed.value) : undefined;
    },
    open(id, config, io) {
      const parsed = kind.config.parse(config);
      return parsed.ok ? { ok: true, value: kind.create(id, parsed.value, io) } : parsed;
    },
  };
}
