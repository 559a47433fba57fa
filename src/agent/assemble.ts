import { nearest } from '../lib/suggest.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { JsonObject } from '../lib/json.ts';
import type { DocumentKind, ResourceDocument } from '../domain/document.ts';
import type { DetectorDefinition, Escalation } from '../domain/definitions.ts';
import type { Schema } from '../domain/ports/schema.ts';
import type { RecordBinding, Service } from '../domain/service.ts';
import { actionKinds } from '../actions/index.ts';
import { buildCatalog, defaultEscalation, parseService } from '../catalog/index.ts';
import { parseEscalation } from '../chat/index.ts';
import { parseDetector } from '../detectors/index.ts';
import { parsePolicy, policySet, type Policy } from '../policy/index.ts';
import { parseRunbook, type Runbook } from '../runbooks/index.ts';
import { sourceKinds, type RegisteredSource } from '../sources/index.ts';
import type { Config, ConfiguredCheck, LoadedDocument, Parsers } from './load/index.ts';
import { joinGroups, type Resources } from './resources.ts';
import { inventoriesOf, withSystem } from './systems.ts';

/** How each kind of document is parsed: by the room that owns it. */
export const parsers: Parsers = {
  Service: parseService,
  Detector: parseDetector,
  Runbook: (document: ResourceDocument): Parsed<Runbook> =>
    parseRunbook(document, { actions: new Map(Object.entries(actionKinds)) }),
  Policy: parsePolicy,
  Escalation: parseEscalation,
};

/** What only all documents together can show: circles, names that nothing has, signals bound to no source. */
export const crossCheck: ConfiguredCheck = (documents, config) => {
  const services = of(documents, 'Service');
  const catalog = buildCatalog(services.map(({ parsed }) => parsed));
  const places = catalog.ok
    ? []
    : catalog.issues.flatMap((issue) => {
        const document = services.find(({ parsed }) => parsed.name === issue.path[0])?.document;
        return document ? [{ document, issue: { ...issue, path: issue.path.slice(1) } }] : [];
      });
  const escalations = of(documents, 'Escalation').map(({ parsed }) => parsed.name);
  return [
    ...places,
    ...services.flatMap(({ parsed, document }) =>
      serviceIssues(parsed, escalations, config).map((issue) => ({ document, issue })),
    ),
    ...of(documents, 'Escalation').flatMap(({ parsed, document }) =>
      channelIssues(parsed, config).map((issue) => ({ document, issue })),
    ),
  ];
};

/** Turns checked documents into what the watch works with. */
export function toResources(
  documents: readonly LoadedDocument[],
  config: Config,
  digest: string,
  nowMs: number,
): Resources {
  const escalations = all(documents, 'Escalation');
  const fallback = defaultFor(config);
  const inventories = inventoriesOf(config);
  const tokens = config.http.tokens.map((token) =>
    Object.fromEntries(token.groups.map((group) => [group, [`token:${token.name}`]])),
  );
  return {
    digest,
    loadedAtMs: nowMs,
    services: all(documents, 'Service').map((written) => {
      const service = withSystem(written, inventories);
      return service.owner.escalate === defaultEscalation
        ? { ...service, owner: { ...service.owner, escalate: fallback.name } }
        : service;
    }),
    detectors: all(documents, 'Detector'),
    runbooks: all(documents, 'Runbook'),
    policies: policySet(all(documents, 'Policy')),
    escalations: new Map([
      [fallback.name, fallback],
      ...escalations.map((escalation) => [escalation.name, escalation] as const),
    ]),
    groups: joinGroups([...escalations.map((escalation) => escalation.approvers), ...tokens]),
  };
}

// With no Escalation written, everything that is configured is told at once, and the log and the terminal always.
function defaultFor(config: Config): Escalation {
  const notify = ['log', 'terminal', ...config.channels.map((channel) => channel.id)].map((channel) => ({
    channel,
    address: '',
  }));
  return {
    name: config.defaults.escalate ?? defaultEscalation,
    steps: [{ notify, waitMs: 5 * 60_000 }],
    approvers: {},
  };
}

// What each kind's parser makes; `parsers` above is where this is true.
interface ParsedKinds {
  readonly Service: Service;
  readonly Detector: DetectorDefinition;
  readonly Runbook: Runbook;
  readonly Policy: Policy;
  readonly Escalation: Escalation;
}

function of<K extends DocumentKind>(
  documents: readonly LoadedDocument[],
  kind: K,
): readonly { readonly parsed: ParsedKinds[K]; readonly document: LoadedDocument }[] {
  return documents
    .filter(({ document }) => document.kind === kind)
    .map((document) => ({ parsed: document.parsed as ParsedKinds[K], document }));
}

function all<K extends DocumentKind>(documents: readonly LoadedDocument[], kind: K): readonly ParsedKinds[K][] {
  return of(documents, kind).map(({ parsed }) => parsed);
}

function serviceIssues(service: Service, escalations: readonly string[], config: Config): readonly Issue[] {
  const issues: Issue[] = [];
  const { escalate } = service.owner;
  if (escalate !== defaultEscalation && !escalations.includes(escalate)) {
    const suggestion = nearest(escalate, escalations);
    issues.push({
      path: ['spec', 'owner', 'escalate'],
      message: `there is no Escalation named ${escalate}`,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
  for (const [signal, binding] of Object.entries(service.telemetry))
    issues.push(...bindingIssues(binding, ['spec', 'telemetry', signal], config, (kind) => kind.query));
  for (const key of ['logs', 'traces'] as const)
    for (const [index, binding] of (service[key] ?? []).entries())
      issues.push(...bindingIssues(binding, ['spec', key, index], config, (kind) => kind.records[key]));
  return issues;
}

// A binding names a source that is configured, and says what that kind of source understands there.
function bindingIssues(
  binding: RecordBinding,
  path: Issue['path'],
  config: Config,
  schemaOf: (kind: RegisteredSource) => Schema<JsonObject> | undefined,
): readonly Issue[] {
  const source = config.sources.find((one) => one.id === binding.source);
  if (!source) {
    const suggestion = nearest(
      binding.source,
      config.sources.map((one) => one.id),
    );
    return [
      {
        path: [...path, 'source'],
        message: `watchkeeper.yaml has no source with the id ${binding.source}`,
        ...(suggestion === undefined ? {} : { suggestion }),
      },
    ];
  }
  const kind = sourceKinds[source.kind];
  if (kind === undefined) return [];
  const schema = schemaOf(kind);
  if (schema === undefined)
    return [
      { path: [...path, 'source'], message: `${source.id} is of kind ${source.kind}, which keeps no such thing` },
    ];
  const query = schema.parse(binding.query);
  return query.ok ? [] : query.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function channelIssues(escalation: Escalation, config: Config): readonly Issue[] {
  const known = ['log', 'terminal', ...config.channels.map((channel) => channel.id)];
  return escalation.steps.flatMap((step, index) =>
    step.notify.flatMap(({ channel }, at): readonly Issue[] => {
      if (known.includes(channel)) return [];
      const suggestion = nearest(channel, known);
      return [
        {
          path: ['spec', 'steps', index, 'notify', at],
          message: `watchkeeper.yaml has no channel with the id ${channel}`,
          ...(suggestion === undefined ? {} : { suggestion }),
        },
      ];
    }),
  );
}
