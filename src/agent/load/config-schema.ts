import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import type { Role } from '../../domain/authority.ts';
import type { SecretRef } from '../../domain/ports/io.ts';
import { actAccounts, awsConnection } from '../../io/clients/aws/config.ts';
import { actIdentities, azureConnection, azureSubscriptions } from '../../io/clients/azure/config.ts';
import { actProjects, gcpConnection } from '../../io/clients/gcp/config.ts';
import { gitForge } from '../../io/clients/git/config.ts';
import { loginConfig } from '../../io/clients/ssh/inventory/config.ts';
import { kubernetesConnection } from '../../io/clients/kubernetes/config.ts';
import { schemaOf } from '../../lib/schema.ts';
import { zDuration, zUrl } from '../../lib/zod-parts.ts';
import { waysIn, zRole } from './http-schema.ts';
import { leadershipSchema, storeSchema } from './store-schema.ts';

const folders = z
  .union([z.string().min(1), z.array(z.string().min(1))])
  .transform((written): readonly string[] => (typeof written === 'string' ? [written] : written))
  .describe('A folder (or a file) or several, relative to watchkeeper.yaml. Folders are read with all below them.');

const id = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'an id is lower-case letters, digits and "-", at most 63');

const adapter = z.looseObject({
  id: id.describe('What Service documents and other settings call it.'),
  kind: z.string().min(1).describe('Which adapter; its other keys are documented with it.'),
});

const token = z
  .strictObject({
    name: z.string().min(1).max(100).describe('Who this is, in the ledger: `ci`, `ana`.'),
    groups: z.array(z.string().min(1)).default([]).describe('Groups the holder belongs to, for approvals.'),
    role: zRole
      .default('operator')
      .describe(
        'What the holder may do: viewer looks; reporter hands in changes and alerts, and nothing else; approver looks, plans, answers and pauses; operator also resumes and hands in; admin also reloads and exports.',
      ),
    file: z.string().min(1).exactOptional().describe('The file that holds the token.'),
    env: z.string().min(1).exactOptional().describe('The environment variable that holds the token.'),
  })
  .transform(({ name, groups, role, file, env }, context): ApiToken => {
    if (file !== undefined && env === undefined) return { name, groups, role, secret: { file } };
    if (env !== undefined && file === undefined) return { name, groups, role, secret: { env } };
    context.issues.push({ code: 'custom', message: 'give the token by exactly one of file and env', input: undefined });
    return z.NEVER;
  });

/** A bearer token of the API: by handle, never by value. */
export interface ApiToken {
  readonly name: string;
  readonly groups: readonly string[];
  readonly role: Role;
  readonly secret: SecretRef;
}

/** Where the API listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const listen = z
  .string()
  .prefault('127.0.0.1:7777')
  .transform((written, context): ListenAddress => {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(written);
    const port = Number(match?.[3]);
    if (match && port <= 65_535) return { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : (match[2] ?? '')), port };
    context.issues.push({
      code: 'custom',
      message: `expected an address such as 127.0.0.1:7777, got ${JSON.stringify(written)}`,
      input: written,
    });
    return z.NEVER;
  })
  .describe(
    'host:port. Beyond loopback somebody must be able to come in: a token, oidc, kubernetes or proxy. Port 0 takes any free one.',
  );

const between = (min: number, max: number, text: string) =>
  zDuration.refine((ms) => typeof ms !== 'number' || (ms >= min && ms <= max), { message: text });

const day = 24 * 3_600_000;

const config = z.strictObject({
  dataDir: z.string().min(1).exactOptional().describe('Where the store, the journal and the ledger live.'),
  store: storeSchema,
  leadership: leadershipSchema,
  resources: z
    .strictObject({
      services: folders.exactOptional(),
      detectors: folders.exactOptional(),
      runbooks: folders.exactOptional(),
      policies: folders.exactOptional(),
      escalations: folders.exactOptional(),
      kubernetes: z
        .strictObject({
          ...kubernetesConnection,
          namespaces: z
            .array(z.string().min(1).max(63))
            .default([])
            .describe(
              'Where services, detectors and runbooks are read, each about its own namespace only. "*": everywhere.',
            ),
          policyNamespaces: z
            .array(
              z
                .string()
                .min(1)
                .max(63)
                .regex(/^[^*]*$/, 'name each namespace: whoever writes there may widen what is done'),
            )
            .default([])
            .describe('Where the platform team writes: every kind is read there, and means what it means in a file.'),
        })
        .exactOptional()
        .describe('Documents written as custom resources, read with these credentials.'),
      inherit: z
        .array(z.enum(['detectors', 'runbooks', 'policies']))
        .exactOptional()
        .describe(
          'Which of the shipped resources apply beside yours. Default: detectors and runbooks; the shipped policy, which only suggests, where you keep no policies. One of yours with the same name replaces a shipped one.',
        ),
    })
    .prefault({})
    .describe('Where resource documents are. The name says what you keep there; any kind may be in any of them.'),
  sources: z
    .array(adapter)
    .default([{ id: 'host', kind: 'host' }])
    .describe('Where telemetry and changes come from.'),
  operators: z
    .strictObject({
      kubernetes: z
        .array(z.strictObject({ cluster: id.describe('The id of the kubernetes source.'), ...kubernetesConnection }))
        .default([])
        .describe('Clusters to act in.'),
      ssh: z
        .array(
          z.strictObject({
            source: id.describe('The id of the ssh source whose hosts these are.'),
            login: loginConfig.describe('As whom hands log in: never the user that reads.'),
          }),
        )
        .default([])
        .describe('Hosts to act on. Addresses, keys to believe and jump hosts are those of the source.'),
      aws: z
        .array(
          z.strictObject({
            source: id.describe('The id of the aws source.'),
            accounts: actAccounts.describe('The role in each account, of which a session is minted for each act.'),
            ...awsConnection,
            documents: z
              .array(z.string().regex(/^[A-Za-z0-9_.-]{3,128}$/, 'must be the name of a document'))
              .max(100)
              .default([])
              .describe('Command documents of Systems Manager that may be run.'),
          }),
        )
        .default([])
        .describe('AWS accounts to act in.'),
      azure: z
        .array(
          z.strictObject({
            source: id.describe('The id of the azure source.'),
            subscriptions: azureSubscriptions.describe('Those to act in, by the names that the source has for them.'),
            identities: actIdentities.describe('As whom hands act, scope by scope: never the identity that reads.'),
            ...azureConnection,
          }),
        )
        .default([])
        .describe('Azure subscriptions to act in.'),
      gcp: z
        .array(
          z.strictObject({
            source: id.describe('The id of the gcp source.'),
            projects: actProjects.describe(
              'The service account in each project, of which a token is made for each act.',
            ),
            ...gcpConnection,
          }),
        )
        .default([])
        .describe('Projects of Google Cloud to act in.'),
      git: z.array(gitForge).default([]).describe('Forges where commits may be reverted, repository by repository.'),
    })
    .prefault({})
    .describe(
      "Credentials of the hands, apart from the sources' own. A cluster or a source of hosts without an entry is only read.",
    ),
  channels: z.array(adapter).default([]).describe('How people are told, beside the log and the terminal.'),
  http: z
    .strictObject({ listen, tokens: z.array(token).default([]).describe('Who may call the API.'), ...waysIn })
    .prefault({})
    .describe('The API, /metrics, /healthz and /readyz.'),
  defaults: z
    .strictObject({
      autonomy: z
        .enum(['observe', 'suggest', 'approve', 'act'])
        .default('suggest')
        .describe('The most that is done where no policy says otherwise.'),
      escalate: z.string().min(1).exactOptional().describe('The Escalation of services that name none.'),
    })
    .prefault({}),
  ledger: z
    .strictObject({
      origin: z.string().min(1).max(255).exactOptional().describe("The log's name on its checkpoints."),
      keyFile: z.string().min(1).exactOptional().describe('The Ed25519 key that signs checkpoints.'),
      witness: z
        .strictObject({ url: zUrl, key: z.string().min(1).describe("The witness's verifier key, in note form.") })
        .exactOptional()
        .describe('A server that cosigns checkpoints.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      format: z.enum(['auto', 'json', 'text']).default('auto').describe('auto: text on a terminal, else JSON.'),
    })
    .prefault({}),
  reload: z
    .strictObject({ every: between(1_000, 3_600_000, 'expected from 1s to 1h').prefault('5s') })
    .prefault({})
    .describe('How often files are looked at again.'),
  incidents: z
    .strictObject({
      grace: between(0, 3_600_000, 'expected from 0s to 1h')
        .prefault('1m')
        .describe('All alerts quiet this long: resolved.'),
      patience: between(0, 3_600_000, 'expected from 0s to 1h')
        .prefault('30s')
        .describe(
          'An unexplained or unmatched incident waits this long for a better answer before people are called; a critical one half of it.',
        ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      diagnosisDeadline: between(100, 60_000, 'expected from 100ms to 60s').prefault(`${limits.diagnosisDeadlineMs}ms`),
      planTtl: between(1_000, 86_400_000, 'expected from 1s to 24h').prefault(`${limits.planTtlMs}ms`),
    })
    .prefault({}),
  retention: z
    .strictObject({
      history: between(8 * day, 3_650 * day, 'expected from 8d to 3650d')
        .prefault('90d')
        .describe('How long settled notices, approvals, executions, diagnoses and incidents stay in the store.'),
      rows: z
        .int()
        .min(1_000)
        .max(1_000_000)
        .default(limits.retentionRows)
        .describe('How many of each stay at most; older ones go before their time, but none of the last week.'),
    })
    .prefault({})
    .describe('What stays in the store of what is over. The ledger keeps its entries for good.'),
});

/** watchkeeper.yaml as written, checked, with defaults in place and durations in milliseconds. */
export type WrittenConfig = z.output<typeof config>;

/** The schema of watchkeeper.yaml, less the keys of each adapter. */
export const configSchema = schemaOf<WrittenConfig>(config);
