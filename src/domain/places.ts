import type { Json } from '../lib/json.ts';

/**
 * Where a service runs. Readers (sources) and hands (actions) both need it, and may not import each other, so the shape
 * lives here; the catalog parses it. Other platforms arrive as `other` until their capability adds its own member.
 */
export type Place =
  | { readonly on: 'host'; readonly host: HostPlace }
  | { readonly on: 'ssh'; readonly ssh: SshPlace }
  | { readonly on: 'kubernetes'; readonly kubernetes: KubernetesPlace }
  | { readonly on: 'aws'; readonly aws: AwsPlace }
  | { readonly on: 'azure'; readonly azure: AzurePlace }
  | { readonly on: 'gcp'; readonly gcp: GcpPlace }
  | { readonly on: 'other'; readonly platform: string; readonly spec: Readonly<Record<string, Json>> };

/** A service on the machine the daemon runs on. */
export interface HostPlace {
  /** A systemd unit: `checkout.service`. On Windows a service's name (not its display name): `W3SVC`. */
  readonly unit?: string;
  /** A plain process under a supervisor that starts it again when it exits. */
  readonly process?: { readonly pidFile: string };
  /** Release folders: `root` holds one folder a release, and `current` is a symlink to one of them. */
  readonly releases?: { readonly root: string; readonly current: string };
  /** Answers 2xx when the service is well, polled after a restart: `http://127.0.0.1:8080/healthz`. */
  readonly health?: string;
  /** Log files, absolute, globs allowed in the last part. */
  readonly logs?: readonly string[];
  /** Config files or folders whose edits are changes. */
  readonly config?: readonly string[];
  /** On a Windows host over SSH: the application pool and the site of IIS that are the service. */
  readonly iis?: { readonly pool?: string; readonly site?: string };
}

/** A service on hosts that are reached over SSH: on one of them, or on all of a group. */
export interface SshPlace extends Omit<HostPlace, 'health'> {
  /** What watchkeeper.yaml calls the `ssh` source whose inventory the hosts are in. */
  readonly source: string;
  readonly host?: string;
  readonly group?: string;
  /** What its hosts run. Where watchkeeper.yaml lists them, its `os` is taken when this is not written. Absent: Linux. */
  readonly os?: 'linux' | 'windows';
  /** Packages of the service that may be put back to an earlier version. */
  readonly packages?: readonly string[];
  /** How its certificate is renewed: by starting a unit, or by certbot under its name for it. */
  readonly renewal?: { readonly certificate: string } & ({ readonly unit: string } | { readonly certbot: string });
}

/** The kinds of workload that a service may be. */
export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job' | 'CronJob';

/** A workload in a cluster. */
export interface KubernetesPlace {
  /** What watchkeeper.yaml calls the cluster: the id of a `kubernetes` source. */
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: { readonly kind: WorkloadKind; readonly name: string };
}

/** What a service may be in AWS. */
export type AwsResource =
  | { readonly is: 'ecs'; readonly cluster: string; readonly service: string }
  | { readonly is: 'lambda'; readonly function: string; readonly alias?: string }
  | { readonly is: 'auto-scaling-group'; readonly name: string }
  | { readonly is: 'instance'; readonly id: string }
  | { readonly is: 'database'; readonly id: string }
  | { readonly is: 'database-cluster'; readonly id: string }
  | { readonly is: 'codedeploy'; readonly application: string; readonly group: string }
  | { readonly is: 'stack'; readonly name: string };

/** A resource in one region of one account. */
export interface AwsPlace {
  /** What watchkeeper.yaml calls it: the id of an `aws` source. */
  readonly source: string;
  /** The account's name there; absent where there is only one. */
  readonly account?: string;
  readonly region: string;
  readonly resource: AwsResource;
}

/** `ecs/shop/web`, `lambda/checkout`: a resource in a word, unique within a region of an account. */
export function awsResourceName(resource: AwsResource): string {
  switch (resource.is) {
    case 'ecs':
      return `ecs/${resource.cluster}/${resource.service}`;
    case 'lambda':
      return `lambda/${resource.function}`;
    case 'auto-scaling-group':
      return `autoscaling/${resource.name}`;
    case 'codedeploy':
      return `codedeploy/${resource.application}/${resource.group}`;
    case 'stack':
      return `stack/${resource.name}`;
    case 'instance':
      return `ec2/${resource.id}`;
    case 'database':
      return `rds/${resource.id}`;
    case 'database-cluster':
      return `rds-cluster/${resource.id}`;
  }
}

/** What a service may be in Azure. */
export type AzureResource =
  | { readonly is: 'container-app'; readonly name: string }
  /** `slot`: the deployment slot that is swapped with production. */
  | { readonly is: 'web-app'; readonly name: string; readonly slot?: string }
  | { readonly is: 'scale-set'; readonly name: string }
  | { readonly is: 'virtual-machine'; readonly name: string }
  | { readonly is: 'failover-group'; readonly server: string; readonly name: string };

/** A resource in a resource group of one subscription. */
export interface AzurePlace {
  /** What watchkeeper.yaml calls it: the id of an `azure` source. */
  readonly source: string;
  /** The subscription's name there; absent where there is only one. */
  readonly subscription?: string;
  readonly region: string;
  readonly resourceGroup: string;
  readonly resource: AzureResource;
}

/** `containerapp/web`, `vmss/workers`: a resource in a word, unique within a resource group. */
export function azureResourceName(resource: AzureResource): string {
  switch (resource.is) {
    case 'container-app':
      return `containerapp/${resource.name}`;
    case 'web-app':
      return `webapp/${resource.name}`;
    case 'scale-set':
      return `vmss/${resource.name}`;
    case 'virtual-machine':
      return `vm/${resource.name}`;
    case 'failover-group':
      return `sql/${resource.server}/${resource.name}`;
  }
}

/** The resource's id, from below its subscription: `/resourceGroups/shop/providers/Microsoft.App/containerApps/web`. */
export function azureResourcePath({ resourceGroup, resource }: Pick<AzurePlace, 'resourceGroup' | 'resource'>): string {
  const below = `/resourceGroups/${resourceGroup}/providers`;
  switch (resource.is) {
    case 'container-app':
      return `${below}/Microsoft.App/containerApps/${resource.name}`;
    case 'web-app':
      return `${below}/Microsoft.Web/sites/${resource.name}`;
    case 'scale-set':
      return `${below}/Microsoft.Compute/virtualMachineScaleSets/${resource.name}`;
    case 'virtual-machine':
      return `${below}/Microsoft.Compute/virtualMachines/${resource.name}`;
    case 'failover-group':
      return `${below}/Microsoft.Sql/servers/${resource.server}/failoverGroups/${resource.name}`;
  }
}

/** What a service may be in Google Cloud. */
export type GcpResource =
  | { readonly is: 'run'; readonly service: string }
  | { readonly is: 'instance-group'; readonly name: string }
  | { readonly is: 'instance'; readonly name: string }
  | { readonly is: 'sql'; readonly instance: string }
  | { readonly is: 'deploy'; readonly pipeline: string; readonly target: string };

/** A resource in one location of one project. */
export interface GcpPlace {
  /** What watchkeeper.yaml calls it: the id of a `gcp` source. */
  readonly source: string;
  /** The project's id; absent where there is only one. */
  readonly project?: string;
  /** A region, and for instances and zonal groups a zone: `europe-west1-b`. */
  readonly location: string;
  readonly resource: GcpResource;
}

/** `run/checkout`, `instance-group/web`: a resource in a word, unique within a location of a project. */
export function gcpResourceName(resource: GcpResource): string {
  switch (resource.is) {
    case 'run':
      return `run/${resource.service}`;
    case 'sql':
      return `sql/${resource.instance}`;
    case 'deploy':
      return `deploy/${resource.pipeline}/${resource.target}`;
    default:
      return `${resource.is}/${resource.name}`;
  }
}
