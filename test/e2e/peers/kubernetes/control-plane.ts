import { get } from 'node:https';
import path from 'node:path';

import type { Ground } from './ground.ts';
import { program, type Program } from './program.ts';
import { kwokConfig } from './stages.ts';

/** The programs of a cluster; each can be ended, started again and stopped on its own. */
export interface ControlPlane {
  readonly etcd: Program;
  /** `kill` and `start` play a crash and a restart: port, certificates and data stay. */
  readonly apiServer: Program;
  readonly controllerManager: Program;
  readonly scheduler: Program;
  readonly kwok: Program;
}

/** What of it a test may decide. */
export interface ControlPlaneOptions {
  readonly audit?: boolean;
  readonly apiServerFlags?: readonly string[];
  readonly controllerManagerFlags?: readonly string[];
}

/** Describes the programs; none runs yet. */
export function createControlPlane(ground: Ground, options: ControlPlaneOptions): ControlPlane {
  return {
    etcd: etcd(ground),
    apiServer: apiServer(ground, options),
    controllerManager: controllerManager(ground, options),
    scheduler: scheduler(ground),
    kwok: kwok(ground),
  };
}

function etcd({ folder, ports }: Ground): Program {
  const client = etcdUrl(ports.etcd);
  const peer = etcdUrl(ports.etcdPeer);
  const argv = [
    `--data-dir=${path.join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    // What it wrote outlives the process, and that is all a test asks of it.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
  return program(folder, 'etcd', argv, async () => (await fetch(`${client}/health`)).ok);
}

function apiServer(ground: Ground, options: ControlPlaneOptions): Program {
  const { folder, ports, authority, tokens } = ground;
  const aggregator = authority.issue('aggregator');
  const audit = [
    `--audit-policy-file=${ground.write('audit-policy.json', auditPolicy)}`,
    `--audit-log-path=${ground.auditLog}`,
    // A request is in the log when its answer arrives.
    '--audit-log-mode=blocking',
  ];
  const argv = [
    ...serving(ground, 'kube-apiserver'),
    `--secure-port=${ports.api}`,
    `--etcd-servers=${etcdUrl(ports.etcd)}`,
    `--client-ca-file=${authority.certFile}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${tokens.certFile}`,
    `--service-account-signing-key-file=${tokens.keyFile}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--endpoint-reconciler-type=none',
    '--allow-privileged=true',
    '--kubelet-preferred-address-types=InternalIP',
    `--requestheader-client-ca-file=${authority.certFile}`,
    '--requestheader-allowed-names=aggregator',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${aggregator.certFile}`,
    `--proxy-client-key-file=${aggregator.keyFile}`,
    ...(options.audit ? audit : []),
    ...(options.apiServerFlags ?? []),
  ];
  return program(folder, 'kube-apiserver', argv, answers(ground, ports.api, '/readyz'));
}

function controllerManager(ground: Ground, options: ControlPlaneOptions): Program {
  const { folder, ports, authority, tokens } = ground;
  const argv = [
    ...serving(ground, 'kube-controller-manager'),
    ...controller(ground, 'system:kube-controller-manager'),
    `--secure-port=${ports.manager}`,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${tokens.keyFile}`,
    `--root-ca-file=${authority.certFile}`,
    `--cluster-signing-cert-file=${authority.certFile}`,
    `--cluster-signing-key-file=${authority.keyFile}`,
    '--horizontal-pod-autoscaler-sync-period=2s',
    ...(options.controllerManagerFlags ?? []),
  ];
  return program(folder, 'kube-controller-manager', argv, answers(ground, ports.manager, '/healthz'));
}

function scheduler(ground: Ground): Program {
  const argv = [
    ...serving(ground, 'kube-scheduler'),
    ...controller(ground, 'system:kube-scheduler'),
    `--secure-port=${ground.ports.scheduler}`,
  ];
  return program(ground.folder, 'kube-scheduler', argv, answers(ground, ground.ports.scheduler, '/healthz'));
}

function kwok(ground: Ground): Program {
  const { cert, kubelet } = { cert: ground.authority.issue('kubelet'), kubelet: ground.ports.kubelet };
  const argv = [
    `--kubeconfig=${ground.user('kwok', ['system:masters'])}`,
    `--config=${ground.write('kwok.yaml', kwokConfig(ground.containerLog, ground.previousContainerLog))}`,
    '--manage-all-nodes=true',
    '--node-ip=127.0.0.1',
    `--node-port=${kubelet}`,
    `--server-address=127.0.0.1:${kubelet}`,
    `--tls-cert-file=${cert.certFile}`,
    `--tls-private-key-file=${cert.keyFile}`,
  ];
  return program(ground.folder, 'kwok', argv, answers(ground, kubelet, '/healthz'));
}

function serving({ authority }: Ground, name: string): readonly string[] {
  const { certFile, keyFile } = authority.issue(name);
  return [
    '--bind-address=127.0.0.1',
    `--tls-cert-file=${certFile}`,
    `--tls-private-key-file=${keyFile}`,
    '--profiling=false',
  ];
}

function controller(ground: Ground, name: string): readonly string[] {
  const kubeconfig = ground.user(name);
  return [
    ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${kubeconfig}`),
    '--leader-elect=false',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
}

function etcdUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function answers({ authority }: Ground, port: number, where: string): () => Promise<boolean> {
  return () =>
    new Promise((resolve) => {
      const options = { ca: authority.cert, agent: false, timeout: 2_000 };
      const request = get(`https://127.0.0.1:${port}${where}`, options, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.on('timeout', () => request.destroy()).on('error', () => resolve(false));
    });
}

const auditPolicy = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    { level: 'None', userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] },
    {
      level: 'None',
      users: [
        'system:kube-controller-manager',
        'system:kube-scheduler',
        'system:apiserver',
        'kwok',
        'system:anonymous',
      ],
    },
    { level: 'Request', verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
    { level: 'Metadata' },
  ],
});
