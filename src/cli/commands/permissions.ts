import { Argument, type Command } from 'commander';

import type {
  awsPolicies as AwsPolicies,
  gcpRoles as GcpRoles,
  ClusterPermissions,
  PermissionRow,
} from '../../agent/index.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { azureRolesText } from '../render/azure-roles.ts';
import { clean } from '../render/safe.ts';
import { paint, type Style } from '../render/style.ts';
import { wrap } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { collect } from '../values.ts';

interface Options extends ResourceOptions {
  readonly namespace: readonly string[];
  readonly cluster?: string;
  readonly source?: string;
  readonly account: string;
  readonly reader: string;
}

/** `permissions`: what the runbooks in force need to be allowed, and nothing more. */
export function permissionsCommand(making: Making): Command {
  const command = resourceOptions(makeCommand('permissions', 'the least that the runbooks in force need to be allowed'))
    .addArgument(
      new Argument(
        '[platform]',
        'as Roles for kubectl apply, as policies for IAM, as roles of Azure, as roles for gcloud, as sudoers of hosts over SSH, or as PowerShell for Windows hosts',
      ).choices(['kubernetes', 'aws', 'azure', 'gcp', 'ssh', 'windows']),
    )
    .option('--namespace <name>', 'a namespace where services are discovered; repeat it for more', collect, [])
    .option('--cluster <id>', 'only for services in this cluster')
    .option('--source <id>', 'ssh, windows: only for the hosts of this source')
    .option('--account <namespace/name>', 'the ServiceAccount that acts', 'watchkeeper/watchkeeper-operator')
    .option('--reader <namespace/name>', 'the ServiceAccount that reads', 'watchkeeper/watchkeeper');
  return onAction<Options>(making, command, async ({ shell, options, args, emit }) => {
    const agent = await import('../../agent/index.ts');
    const { besidesOf, kubernetesPermissions, kubernetesReading, openResources, permissionsOf, rbacManifests } = agent;
    const place = { ...sourceOfResources(shell, options), signal: shell.signal };
    const { config, resources } = await openResources(place, shell.clock.nowMs());
    if (args[0] === 'kubernetes') {
      const where = {
        namespaces: options.namespace,
        ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
      };
      const acting = kubernetesPermissions(resources, where);
      const reading = kubernetesReading(config, options.cluster);
      if (nothingOf(reading) && nothingOf(acting)) throw noCluster(config.operators.kubernetes.length > 0);
      const besides = besidesOf(resources);
      emit({ ...acting, reader: reading, besides }, () =>
        [
          ['# What the reader needs: the kubernetes sources of watchkeeper.yaml.'],
          renderManifests(reading, rbacManifests(reading, accountOf(options.reader)), noReader),
          ['# What the hand needs, for the runbooks in force.', ...besides.map((need) => `# Not in it: ${need}`)],
          renderManifests(acting, rbacManifests(acting, accountOf(options.account)), noHand),
        ]
          .map((part) => (typeof part === 'string' ? part : part.join('\n')))
          .join('\n---\n'),
      );
    } else if (args[0] === 'aws') {
      const policies = agent.awsPolicies(config, resources);
      if (policies.readers.length + policies.operators.length === 0)
        throw new WatchkeeperError('usage', 'this watchkeeper.yaml has no aws source and no operators.aws', {
          fix: 'Give the one of the daemon with --config.',
        });
      emit(policies, () => renderPolicies(policies));
    } else if (args[0] === 'azure') {
      const roles = agent.azureRoles(config, resources);
      emit(roles, () => azureRolesText(roles));
    } else if (args[0] === 'gcp') {
      const roles = agent.gcpRoles(config, resources);
      if (roles.readers.length + roles.operators.length === 0) throw noGcp();
      const besides = gcpBesides(permissionsOf(resources));
      emit({ ...roles, besides }, () => renderRoles(roles, besides, agent.gcpRolesText));
    } else if (args[0] === 'ssh') {
      const permissions = agent.sshPermissions(config, resources, options.source);
      emit({ hosts: permissions }, () => (permissions.length === 0 ? noHosts : agent.sudoersText(permissions)));
    } else if (args[0] === 'windows') {
      const accounts = agent.windowsPermissions(config, resources, options.source);
      emit({ accounts }, () => (accounts.length === 0 ? noWindows : agent.windowsText(accounts)));
    } else {
      const rows = permissionsOf(resources);
      emit({ actions: rows }, (style) => renderPermissions(rows, style));
    }
    return undefined;
  });
}

function noGcp(): WatchkeeperError {
  return new WatchkeeperError('usage', 'this watchkeeper.yaml has no gcp source and no operators.gcp', {
    fix: 'Give the one of the daemon with --config.',
  });
}

// What no role that is printed can say.
function gcpBesides(rows: readonly PermissionRow[]): readonly string[] {
  return rows.flatMap(({ action, needs }) =>
    action.startsWith('gcp.') ? needs.slice(1).map((need) => `${action}: ${need}`) : [],
  );
}

function renderRoles(
  { readers, operators }: ReturnType<typeof GcpRoles>,
  besides: readonly string[],
  textOf: (roles: ReturnType<typeof GcpRoles>['readers']) => string,
): string {
  return [
    '# What the gcp sources read with. MEMBER: the identity of the daemon, where no service account is named.',
    textOf(readers),
    '# What acts, for the runbooks in force and the services that are declared.',
    ...besides.map((need) => `# Not in it: ${need}`),
    textOf(operators),
  ].join('\n');
}

function nothingOf({ cluster, namespaces }: ClusterPermissions): boolean {
  return cluster.length === 0 && namespaces.length === 0;
}

// An empty answer reads as "nothing is needed", and is refused by the chart only much later.
function noCluster(actsThere: boolean): WatchkeeperError {
  return actsThere
    ? new WatchkeeperError('usage', 'no runbook in force acts in a namespace that is known', {
        fix: 'Name the namespaces where services are discovered: --namespace NAME.',
      })
    : new WatchkeeperError(
        'usage',
        'this watchkeeper.yaml has no kubernetes source, so nothing of Kubernetes is in force',
        {
          fix: 'Give the one of the daemon with --config, or a file that says: sources: [{ id: kubernetes, kind: kubernetes }].',
        },
      );
}

// JSON, as IAM takes it; a comment line says whose each is.
function renderPolicies({ readers, operators }: ReturnType<typeof AwsPolicies>): string {
  const parts = [
    ...readers.map(
      ({ role, policy }) => [`# For the roles that the source ${clean(role, 80)} reads with.`, policy] as const,
    ),
    ...operators.map(
      ({ role, policy }) => [`# For ${clean(role)}, of which a session is minted for each act.`, policy] as const,
    ),
  ];
  return parts.map(([said, policy]) => `${said}\n${JSON.stringify(policy, undefined, 2)}`).join('\n\n');
}

function accountOf(written: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = '', ...rest] = written.split('/');
  const plain = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
  if (rest.length === 0 && plain.test(namespace) && plain.test(name)) return { namespace, name };
  throw new WatchkeeperError('usage', `${JSON.stringify(written)} is not a ServiceAccount`, {
    fix: 'Write it as namespace/name.',
  });
}

const noHosts =
  '# Nothing is needed on hosts: operators.ssh of watchkeeper.yaml is empty, or no runbook in force acts there.';
const noWindows =
  '# Nothing is needed on Windows: no inventory of watchkeeper.yaml lists a host with os: windows, and no Ansible inventory is read.';
const noReader = '# watchkeeper.yaml has no kubernetes source.';
const noHand =
  '# No runbook in force acts in a namespace that is known. Name those where services are discovered: --namespace NAME';

// Every text is in quotes: none is read as a number or as true.
function renderManifests(
  { cluster, namespaces }: ClusterPermissions,
  manifests: readonly object[],
  none: string,
): string {
  if (cluster.length === 0 && namespaces.length === 0) return none;
  return manifests.map((manifest) => yamlOf(manifest)).join('\n---\n');
}

/** Plain YAML of plain objects: maps, lists and short texts, the texts in quotes. */
function yamlOf(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    if (items.every((item) => typeof item === 'string'))
      return `[${items.map((item) => JSON.stringify(item)).join(', ')}]`;
    return items.map((item) => `\n${indent}- ${yamlOf(item, `${indent}  `).trimStart()}`).join('');
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Object.entries(value)
    .map(([key, inner], index) => {
      const text = yamlOf(inner, `${indent}  `);
      const nested = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
      const start = index === 0 ? '' : `\n${indent}`;
      return nested
        ? `${start}${key}:\n${indent}  ${text}`
        : `${start}${key}:${text.startsWith('\n') ? '' : ' '}${text}`;
    })
    .join('');
}

function renderPermissions(rows: readonly PermissionRow[], style: Style): string {
  if (rows.length === 0) return 'No runbook is in force: nothing is needed beyond reading.';
  return rows
    .flatMap((row) => [
      `${paint(style, clean(row.action, 80), 'bold')}  ${paint(style, `for ${row.runbooks.map((name) => clean(name, 80)).join(', ')}`, 'dim')}`,
      ...row.needs.map((need) => wrap(style, clean(need), '    ', '  - ')),
    ])
    .join('\n');
}
