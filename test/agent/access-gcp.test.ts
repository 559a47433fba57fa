import { expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import { gcpOperatorRoles, gcpRolesText } from '../../src/agent/access/index.ts';
import type { GcpResource } from '../../src/domain/places.ts';
import type { Service } from '../../src/domain/service.ts';
import type { Runbook } from '../../src/runbooks/index.ts';

function service(name: string, resource: GcpResource, project?: string): Service {
  const gcp = { source: 'gcp', ...(project === undefined ? {} : { project }), location: 'europe-west1', resource };
  return {
    ...{ name, labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
    ...{ origin: 'declared', runsOn: [{ on: 'gcp', gcp }] },
  };
}

const connection = {
  source: 'gcp',
  projects: [{ id: 'shop-prod', serviceAccount: 'operator@shop-prod.iam.gserviceaccount.com' }],
};

function rolesFor(action: string, services: readonly Service[]) {
  const runbook = { name: 'r', services: {}, steps: [{ action }] } as unknown as Runbook;
  return gcpOperatorRoles([connection], { runbooks: [runbook], services, actions: actionKinds });
}

it('binds what acts on Cloud Run on each service, and nothing that could change more on the project', () => {
  const roles = rolesFor('gcp.run-shift-traffic', [
    service('web', { is: 'run', service: 'web' }),
    service('pay', { is: 'run', service: 'pay' }),
    service('db', { is: 'sql', instance: 'db' }),
  ]);
  expect(roles.map(({ permissions, on }) => [permissions, on])).toEqual([
    [['run.revisions.list'], [{ is: 'project' }]],
    [
      ['run.services.get', 'run.services.update'],
      ['web', 'pay'].map((name) => ({
        is: 'resource',
        name: `projects/shop-prod/locations/europe-west1/services/${name}`,
      })),
    ],
  ]);
});

it('binds what acts on a database under a condition on its name', () => {
  const roles = rolesFor('gcp.sql-failover', [service('db', { is: 'sql', instance: 'db' })]);
  expect(gcpRolesText(roles)).toContain(
    `--condition='expression=resource.type == "sqladmin.googleapis.com/Instance" && resource.name == "projects/shop-prod/instances/db",title=watchkeeper'`,
  );
});

it('asks for nothing in a project where nothing is declared', () => {
  expect(rolesFor('gcp.sql-failover', [service('db', { is: 'sql', instance: 'db' }, 'shop-data')])).toEqual([]);
});

it('lets what recreates instances of a group do that, and not make or delete instances of its own', () => {
  const roles = rolesFor('gcp.mig-recreate-instances', [service('web', { is: 'instance-group', name: 'web' })]);
  expect(roles.map(({ permissions, on }) => [permissions, on])).toEqual([
    [['compute.instanceGroupManagers.get', 'compute.instanceGroupManagers.update'], [{ is: 'project' }]],
  ]);
});

it('lets what takes a target of Cloud Deploy back roll out, and approve nothing', () => {
  const resource = { is: 'deploy', pipeline: 'shop', target: 'prod' } as const;
  expect(rolesFor('gcp.deploy-rollback', [service('web', resource)]).map(({ permissions }) => permissions)).toEqual([
    ['clouddeploy.rollouts.create', 'clouddeploy.rollouts.list', 'clouddeploy.rollouts.rollback'],
  ]);
});
