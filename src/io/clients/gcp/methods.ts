import { WatchkeeperError } from '../../../lib/errors.ts';
import type { GcpCall, GcpServiceName } from '../../../domain/ports/gcp.ts';

/** One method of an API, as its published definition has it. */
export interface GcpMethod {
  readonly verb: 'GET' | 'POST' | 'PATCH';
  /** `v2/{+name}`: what is in braces comes from the parameters; with `+` slashes stay. */
  readonly path: string;
  readonly writes?: true;
}

interface GcpApi {
  readonly root: string;
  /** The narrowest scopes that it takes: to read, and to write. */
  readonly reads: string;
  readonly writes: string;
  readonly methods: Readonly<Record<string, GcpMethod>>;
}

const auth = 'https://www.googleapis.com/auth';

/** The scope that every service takes. */
export const wholeScope = `${auth}/cloud-platform`;

const zonal = 'compute/v1/projects/{project}/zones/{zone}';
const regional = 'compute/v1/projects/{project}/regions/{region}';
const group = 'instanceGroupManagers/{instanceGroupManager}';

/**
 * Every method that is called, and no other. Paths are those of the services' protos (google.api.http) and discovery documents;
 * a test compares the two.
 */
export const gcpApis: Readonly<Record<GcpServiceName, GcpApi>> = {
  compute: {
    ...{ root: 'https://compute.googleapis.com/', reads: `${auth}/compute.readonly`, writes: `${auth}/compute` },
    methods: {
      'instanceGroupManagers.aggregatedList': {
        verb: 'GET',
        path: 'compute/v1/projects/{project}/aggregated/instanceGroupManagers',
      },
      'instanceGroupManagers.get': { verb: 'GET', path: `${zonal}/${group}` },
      'regionInstanceGroupManagers.get': { verb: 'GET', path: `${regional}/${group}` },
      'instanceGroupManagers.resize': { verb: 'POST', path: `${zonal}/${group}/resize`, writes: true },
      'regionInstanceGroupManagers.resize': { verb: 'POST', path: `${regional}/${group}/resize`, writes: true },
      'instanceGroupManagers.patch': { verb: 'PATCH', path: `${zonal}/${group}`, writes: true },
      'regionInstanceGroupManagers.patch': { verb: 'PATCH', path: `${regional}/${group}`, writes: true },
      'instanceGroupManagers.listManagedInstances': { verb: 'POST', path: `${zonal}/${group}/listManagedInstances` },
      'regionInstanceGroupManagers.listManagedInstances': {
        verb: 'POST',
        path: `${regional}/${group}/listManagedInstances`,
      },
      'instanceGroupManagers.recreateInstances': {
        ...{ verb: 'POST', path: `${zonal}/${group}/recreateInstances`, writes: true },
      },
      'regionInstanceGroupManagers.recreateInstances': {
        ...{ verb: 'POST', path: `${regional}/${group}/recreateInstances`, writes: true },
      },
      'instances.aggregatedList': { verb: 'GET', path: 'compute/v1/projects/{project}/aggregated/instances' },
      'instances.get': { verb: 'GET', path: `${zonal}/instances/{instance}` },
      'instances.reset': { verb: 'POST', path: `${zonal}/instances/{instance}/reset`, writes: true },
    },
  },
  deploy: {
    ...{ root: 'https://clouddeploy.googleapis.com/', reads: wholeScope, writes: wholeScope },
    methods: {
      'rollouts.list': { verb: 'GET', path: 'v1/{+parent}/rollouts' },
      'deliveryPipelines.rollbackTarget': { verb: 'POST', path: 'v1/{+name}:rollbackTarget', writes: true },
    },
  },
  iamcredentials: {
    ...{ root: 'https://iamcredentials.googleapis.com/', reads: wholeScope, writes: wholeScope },
    methods: { generateAccessToken: { verb: 'POST', path: 'v1/{+name}:generateAccessToken' } },
  },
  logging: {
    ...{ root: 'https://logging.googleapis.com/', reads: `${auth}/logging.read`, writes: wholeScope },
    methods: { 'entries.list': { verb: 'POST', path: 'v2/entries:list' } },
  },
  monitoring: {
    ...{ root: 'https://monitoring.googleapis.com/', reads: `${auth}/monitoring.read`, writes: wholeScope },
    methods: {
      'timeSeries.list': { verb: 'GET', path: 'v3/{+name}/timeSeries' },
      'alerts.get': { verb: 'GET', path: 'v3/{+name}' },
      'alerts.list': { verb: 'GET', path: 'v3/{+parent}/alerts' },
    },
  },
  resourcemanager: {
    ...{ root: 'https://cloudresourcemanager.googleapis.com/', reads: `${wholeScope}.read-only`, writes: wholeScope },
    methods: { 'projects.testIamPermissions': { verb: 'POST', path: 'v3/{+resource}:testIamPermissions' } },
  },
  run: {
    ...{ root: 'https://run.googleapis.com/', reads: `${auth}/run.readonly`, writes: `${auth}/run` },
    methods: {
      'services.list': { verb: 'GET', path: 'v2/{+parent}/services' },
      'services.get': { verb: 'GET', path: 'v2/{+name}' },
      'services.testIamPermissions': { verb: 'POST', path: 'v2/{+resource}:testIamPermissions' },
      'revisions.list': { verb: 'GET', path: 'v2/{+parent}/revisions' },
      'services.patch': { verb: 'PATCH', path: 'v2/{+name}', writes: true },
    },
  },
  sql: {
    ...{ root: 'https://sqladmin.googleapis.com/', reads: wholeScope, writes: `${auth}/sqlservice.admin` },
    methods: {
      'instances.get': { verb: 'GET', path: 'v1/projects/{project}/instances/{instance}' },
      'instances.list': { verb: 'GET', path: 'v1/projects/{project}/instances' },
      'operations.list': { verb: 'GET', path: 'v1/projects/{project}/operations' },
      'instances.failover': {
        ...{ verb: 'POST', path: 'v1/projects/{project}/instances/{instance}/failover', writes: true },
      },
    },
  },
  trace: {
    ...{ root: 'https://cloudtrace.googleapis.com/', reads: `${auth}/trace.readonly`, writes: wholeScope },
    methods: { 'traces.list': { verb: 'GET', path: 'v1/projects/{projectId}/traces' } },
  },
};

/** The method that a call means. @throws `unsupported` for one that is not in the table. */
export function methodOf({ service, method }: Pick<GcpCall, 'service' | 'method'>): GcpMethod {
  const { methods } = gcpApis[service];
  const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (found !== undefined) return found;
  throw new WatchkeeperError('unsupported', `${service} ${method} is not among the calls that are made`);
}

/** Whether a method is one of those that change nothing, and that a reader may call. */
export function isRead(call: Pick<GcpCall, 'service' | 'method'>): boolean {
  return call.service !== 'iamcredentials' && methodOf(call).writes !== true;
}

/** The names in braces. */
export function pathParams({ path }: GcpMethod): readonly string[] {
  return [...path.matchAll(/\{\+?(\w+)\}/g)].map(([, name = '']) => name);
}
