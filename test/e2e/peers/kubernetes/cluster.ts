import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import type { Json } from '../../../../src/lib/json.ts';
import { until } from '../peers.ts';
import { createControlPlane, type ControlPlane } from './control-plane.ts';
import { makeGround } from './ground.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';

/** What a test wants of its cluster. */
export interface ClusterOptions {
  /** Nodes that kwok plays: `node-0` and on, 8 processors and 32Gi each. Default 2. */
  readonly nodes?: number;
  /** Keeps an audit log of what everybody but the control plane asked; see `Cluster.audit`. */
  readonly audit?: boolean;
  /** Further flags of kube-apiserver, which win over those given here. */
  readonly apiServerFlags?: readonly string[];
  readonly controllerManagerFlags?: readonly string[];
}

/** One request in the audit log. */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly reason?: string };
  /** Present for writes. */
  readonly requestObject?: Json;
}

/**
 * A real Kubernetes control plane on loopback: etcd, kube-apiserver (TLS, RBAC, ServiceAccount tokens, default admission),
 * kube-controller-manager and kube-scheduler, with nodes and pods played by kwok; see stages.ts for what pods can play.
 * Everything lies in a folder of its own, and ends with `stop`, or with the process that started it.
 */
export interface Cluster extends ControlPlane {
  /** https://127.0.0.1:PORT; kept over restarts of the API server. */
  readonly url: string;
  readonly folder: string;
  /** A kubeconfig in the group system:masters; certificates and keys are inside it. */
  readonly adminKubeconfig: string;
  /** `v1.36.3`, say. */
  readonly version: string;
  /** The authority's certificate, PEM. */
  readonly ca: string;
  /** Runs kubectl as the administrator, or with another kubeconfig. @throws with what it said when it fails. */
  readonly kubectl: Kubectl['run'];
  /** Applies manifests server-side, as text or objects; field manager `kubectl`, unless told. */
  readonly apply: Kubectl['apply'];
  /** Reads one object or a list, `read('-n', 'shop', 'deployment/checkout')`. */
  read<T = Json>(...argv: readonly string[]): Promise<T>;
  /** Makes a namespace and waits until pods may be created in it. Fine when it is there already. */
  namespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  /** A kubeconfig with a token for a ServiceAccount, which is made when it is not there. It may nothing until bound. */
  serviceAccount(namespace: string, name: string, duration?: string): Promise<string>;
  /** A kubeconfig with a certificate for a person. They may nothing until bound. */
  readonly user: (name: string, groups?: readonly string[]) => string;
  /** What every container of every pod has logged: a file a test writes, and the one for `--previous`. */
  readonly containerLog: string;
  readonly previousContainerLog: string;
  /** Requests since the start, the oldest first, answered ones only. Needs `audit`. */
  audit(): readonly AuditEvent[];
  stop(): Promise<void>;
}

/** Starts one; some seconds when the programs are built. @throws when a program does not come up, with its log. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-cluster-'));
  const ground = await makeGround(folder);
  const plane = createControlPlane(ground, options);
  const { etcd, apiServer, controllerManager, scheduler, kwok } = plane;
  const adminKubeconfig = ground.user('admin', ['system:masters']);
  const kubectl = createKubectl(adminKubeconfig);
  const stop = async (): Promise<void> => {
    await Promise.all([kwok, scheduler, controllerManager, apiServer, etcd].map((each) => each.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  const namespace: Cluster['namespace'] = async (name, labels = {}) => {
    await kubectl.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    await until(`namespace ${name} has its service account`, async () => {
      await kubectl.run(['-n', name, 'get', 'serviceaccount', 'default']);
      return true;
    });
  };
  try {
    await etcd.start();
    await apiServer.start();
    await Promise.all([controllerManager.start(), scheduler.start(), kwok.start()]);
    const nodes = Array.from({ length: options.nodes ?? 2 }, (_, index) => node(`node-${index}`));
    if (nodes.length > 0) await kubectl.apply(nodes);
    await namespace('default');
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  const { gitVersion } = JSON.parse(await kubectl.run(['get', '--raw', '/version'])) as { gitVersion: string };
  return {
    ...plane,
    url: ground.url,
    folder,
    adminKubeconfig,
    ca: ground.authority.cert,
    user: ground.user,
    containerLog: ground.containerLog,
    previousContainerLog: ground.previousContainerLog,
    version: gitVersion,
    kubectl: kubectl.run,
    apply: kubectl.apply,
    read: async <T>(...argv: readonly string[]) => JSON.parse(await kubectl.run(['get', '-o', 'json', ...argv])) as T,
    namespace,
    serviceAccount: async (space, name, duration = '8h') => {
      await namespace(space);
      await kubectl.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: space } });
      const token = await kubectl.run(['-n', space, 'create', 'token', name, '--duration', duration]);
      return ground.kubeconfig(`serviceaccount-${space}-${name}`, { token: token.trim() });
    },
    audit: () =>
      readFileSync(ground.auditLog, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AuditEvent),
    stop,
  };
}

function node(name: string): Json {
  const resources = { cpu: '8', memory: '32Gi', pods: '500', 'ephemeral-storage': '100Gi' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
    status: {
      allocatable: resources,
      capacity: resources,
      nodeInfo: { kubeletVersion: 'v1.36.3', operatingSystem: 'linux', architecture: 'amd64' } as Json,
    },
  };
}
