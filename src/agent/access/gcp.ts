import { digest } from '../../lib/canonical.ts';
import { selects } from '../../lib/selector.ts';
import type { ActionKind } from '../../domain/ports/action.ts';
import type { GcpGrant, GcpProject } from '../../domain/ports/gcp.ts';
import type { Service } from '../../domain/service.ts';
import type { ActingProjects } from '../../io/clients/gcp/index.ts';
import type { Runbook } from '../../runbooks/index.ts';

/** A custom role in one project, and what it is bound on for whom. */
export interface GcpRole {
  readonly project: string;
  /** The service account it is for; absent where the application default credentials are used as they are. */
  readonly member?: string;
  readonly id: string;
  readonly permissions: readonly string[];
  readonly on: readonly GcpGrant['on'][];
}

/** What acts, and on what. */
interface GcpActs {
  readonly runbooks: readonly Runbook[];
  readonly services: readonly Service[];
  readonly actions: Readonly<Record<string, ActionKind>>;
}

/** The least that a source's identity needs in each of its projects. */
export function gcpReaderRoles(projects: readonly GcpProject[], grants: readonly GcpGrant[]): readonly GcpRole[] {
  return projects.flatMap((project) => rolesOf('watchkeeperReader', project, grants));
}

/** The least that the accounts of `operators.gcp` need for the runbooks in force, on the resources of declared services. */
export function gcpOperatorRoles(
  connections: readonly ActingProjects[],
  { runbooks, services, actions }: GcpActs,
): readonly GcpRole[] {
  return connections.flatMap((connection) =>
    connection.projects.flatMap((project) => {
      const grants = runbooks.flatMap((runbook) =>
        services
          .filter((service) => selects(runbook.services, service) && isIn(service, connection, project.id))
          .flatMap((service) => runbook.steps.flatMap(({ action }) => needsOf(actions[action], service))),
      );
      return rolesOf('watchkeeperOperator', project, grants);
    }),
  );
}

// One role for each set of permissions, so that no resource gets what only another needs; named after what it holds.
function rolesOf(
  name: string,
  { id: project, serviceAccount }: GcpProject,
  grants: readonly GcpGrant[],
): readonly GcpRole[] {
  const roles = new Map<
    string,
    { readonly permissions: readonly string[]; readonly on: Map<string, GcpGrant['on']> }
  >();
  for (const { permissions, on } of grants) {
    const sorted = [...permissions].sort();
    const known = roles.get(sorted.join(' ')) ?? { permissions: sorted, on: new Map<string, GcpGrant['on']>() };
    const placed = JSON.parse(JSON.stringify(on).replaceAll('{project}', project)) as GcpGrant['on'];
    known.on.set(JSON.stringify(placed), placed);
    roles.set(sorted.join(' '), known);
  }
  return [...roles.values()]
    .sort((a, b) => (a.permissions.join(' ') < b.permissions.join(' ') ? -1 : 1))
    .map(({ permissions, on }) => ({
      ...{ project, ...(serviceAccount === undefined ? {} : { member: serviceAccount }) },
      id: `${name}_${digest([...permissions])
        .replace(/\W/g, '')
        .slice(-8)}`,
      ...{ permissions, on: [...on.values()] },
    }));
}

function isIn(service: Service, { source, projects }: ActingProjects, project: string): boolean {
  return service.runsOn.some(
    (place) =>
      place.on === 'gcp' &&
      place.gcp.source === source &&
      (place.gcp.project === project || (place.gcp.project === undefined && projects.length === 1)),
  );
}

// A runbook may be for services that are no such resource: there the action does nothing, and needs nothing.
function needsOf(kind: ActionKind | undefined, service: Service): readonly GcpGrant[] {
  try {
    return kind?.gcpAccess?.(service).grants ?? [];
  } catch {
    return [];
  }
}

/** Roles as commands of gcloud, each on a line of its own. Every value is one that its schema or Google's names allow: no shell reads more into it. */
export function gcpRolesText(roles: readonly GcpRole[]): string {
  return roles
    .flatMap(({ project, member, id, permissions, on }) => {
      const whom = member === undefined ? 'MEMBER' : `serviceAccount:${member}`;
      const role = `projects/${project}/roles/${id}`;
      return [
        `gcloud iam roles create ${id} --project=${project} --stage=GA --permissions=${permissions.join(',')}`,
        ...on.map((where) => bindingOf(where, project, `--member=${whom} --role=${role}`)),
      ];
    })
    .join('\n');
}

function bindingOf(on: GcpGrant['on'], project: string, what: string): string {
  if (on.is === 'project') {
    const condition = on.condition === undefined ? 'None' : `'expression=${on.condition},title=watchkeeper'`;
    return `gcloud projects add-iam-policy-binding ${project} ${what} --condition=${condition}`;
  }
  const [, location = '', service = ''] = /locations\/([^/]+)\/services\/([^/]+)$/.exec(on.name) ?? [];
  return `gcloud run services add-iam-policy-binding ${service} --project=${project} --region=${location} ${what}`;
}
