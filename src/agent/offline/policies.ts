import type { Service } from '../../domain/service.ts';
import type { Labels } from '../../domain/telemetry.ts';
import { policyDiff, policyMatrix, type MatrixRow, type PolicyDiff } from '../../policy/index.ts';
import type { GcpProject } from '../../domain/ports/gcp.ts';
import { actionKinds } from '../../actions/index.ts';
import { matrixSteps } from '../matrix.ts';
import { sourceKinds } from '../../sources/index.ts';
import {
  awsDocument,
  awsOperatorPolicies,
  gcpOperatorRoles,
  gcpReaderRoles,
  hostPermissions,
  windowsAccounts,
  operatorPermissions,
  readerPermissions,
  type AwsPolicy,
  type GcpRole,
  type ClusterPermissions,
  type HostPermissions,
  type WindowsAccount,
} from '../access/index.ts';
import type { Config } from '../load/index.ts';
import { tellsMachines } from './machines.ts';
import type { Resources } from '../resources.ts';
import { inventoriesOf } from '../systems.ts';

/** A service to try policies on where none is declared. */
export function sampleService(name: string, labels: Labels): Service {
  return {
    name,
    labels,
    owner: { team: 'unowned', escalate: 'default' },
    dependsOn: [],
    runsOn: [],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
}

/** The most that policies let happen: every step of every runbook in force against every service. */
export function matrixFor(resources: Resources, services: readonly Service[], asOfMs: number): readonly MatrixRow[] {
  const { policies, runbooks, groups } = resources;
  return policyMatrix(policies, { asOfMs, steps: matrixSteps(runbooks), services, groups });
}

/** What changes when `after` takes the place of `before`, for the runbooks and services in force. */
export function diffOf(
  before: Resources,
  after: Resources,
  inForce: Resources,
  services: readonly Service[],
  asOfMs: number,
): PolicyDiff {
  const { runbooks, groups } = inForce;
  return policyDiff(before.policies, after.policies, { asOfMs, steps: matrixSteps(runbooks), services, groups });
}

/** What one action needs to be allowed, and which runbooks ask for it. */
export interface PermissionRow {
  readonly action: string;
  readonly summary: string;
  readonly needs: readonly string[];
  readonly runbooks: readonly string[];
}

/**
 * The least Roles for the runbooks in force: in the namespaces of declared services, and in those that are named, where
 * services are discovered.
 */
export function kubernetesPermissions(
  resources: Resources,
  where: { readonly cluster?: string; readonly namespaces: readonly string[] },
): ClusterPermissions {
  const { runbooks, services } = resources;
  return operatorPermissions({ runbooks, services, actions: actionKinds, ...where });
}

/** The least that hands need on hosts over SSH, by operators.ssh of watchkeeper.yaml; of one source, where it is named. */
export function sshPermissions(
  config: Pick<Config, 'operators' | 'sources'>,
  { runbooks, services }: Resources,
  source?: string,
): readonly HostPermissions[] {
  const hands = config.operators.ssh.filter((one) => source === undefined || one.source === source);
  const inventories = inventoriesOf(config);
  return hostPermissions({ runbooks, services, actions: actionKinds, hands, inventories });
}

/** The least that readers and hands need on Windows hosts; of one source, where it is named. */
export function windowsPermissions(
  config: Pick<Config, 'operators' | 'sources'>,
  resources: Resources,
  source?: string,
): readonly WindowsAccount[] {
  const inventories = new Map([...inventoriesOf(config)].filter(([id]) => source === undefined || id === source));
  return windowsAccounts(inventories, resources.services, sshPermissions(config, resources, source));
}

/** The least Roles of what reads clusters, by the sources of watchkeeper.yaml; of one of them, where it is named. */
export function kubernetesReading(config: Pick<Config, 'sources'>, cluster?: string): ClusterPermissions {
  const chosen = config.sources.filter(({ id }) => cluster === undefined || id === cluster);
  return readerPermissions(chosen.flatMap(({ kind, config: block }) => sourceKinds[kind]?.access(block) ?? []));
}

/** The least roles in Google Cloud: of each gcp source's identity, and of each account that acts. */
export function gcpRoles(
  config: Pick<Config, 'sources' | 'operators'>,
  { runbooks, services }: Resources,
): { readonly readers: readonly GcpRole[]; readonly operators: readonly GcpRole[] } {
  const readers = config.sources.flatMap((source) => gcpReading(config, source));
  return { readers, operators: gcpOperatorRoles(config.operators.gcp, { runbooks, services, actions: actionKinds }) };
}

/** The least roles of one source's identity, in each of its projects. */
export function gcpReading(
  config: Pick<Config, 'sources'>,
  { id, kind, config: block }: Config['sources'][number],
): readonly GcpRole[] {
  const own = sourceKinds[kind]?.gcpAccess(block) ?? [];
  const machines = own.length > 0 && tellsMachines(config, id) ? ['compute.instances.list'] : [];
  const grants = own.map((grant) => ({ ...grant, permissions: [...grant.permissions, ...machines].sort() }));
  const { projects } = block as unknown as { readonly projects?: readonly GcpProject[] };
  return gcpReaderRoles(projects ?? [], grants);
}

/** The least policies for AWS: one for each aws source's readers, and one for each role that acts. */
export function awsPolicies(
  config: Pick<Config, 'sources' | 'operators'>,
  { runbooks, services }: Resources,
): { readonly readers: readonly AwsPolicy[]; readonly operators: readonly AwsPolicy[] } {
  const readers = config.sources.flatMap(({ id, kind, config: block }) => {
    const own = sourceKinds[kind]?.awsAccess(block) ?? [];
    const machines = own.length > 0 && tellsMachines(config, id);
    const statements = machines ? [...own, { actions: ['ec2:DescribeInstances'], resources: ['*'] }] : own;
    return statements.length === 0 ? [] : [{ role: id, policy: awsDocument(statements) }];
  });
  return {
    readers,
    operators: awsOperatorPolicies(config.operators.aws, { runbooks, services, actions: actionKinds }),
  };
}

/** What no Role can say beforehand, of the actions that the runbooks in force use: `action: what it needs besides`. */
export function besidesOf(resources: Resources): readonly string[] {
  return permissionsOf(resources).flatMap(({ action, needs }) => {
    const rules = actionKinds[action]?.access;
    // The rules come first, one line each.
    return rules === undefined ? [] : needs.slice(rules.length).map((need) => `${action}: ${need}`);
  });
}

/** What the runbooks in force need, and nothing more. */
export function permissionsOf(resources: Resources): readonly PermissionRow[] {
  const users = new Map<string, Set<string>>();
  for (const runbook of resources.runbooks)
    for (const step of runbook.steps)
      users.set(step.action, (users.get(step.action) ?? new Set<string>()).add(runbook.name));
  return [...users]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([action, runbooks]) => {
      const kind = actionKinds[action];
      return { action, summary: kind?.summary ?? '', needs: kind?.needs ?? [], runbooks: [...runbooks].sort() };
    });
}
