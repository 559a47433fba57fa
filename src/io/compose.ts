import type { Clock, Log, OperatorIo, Random, ReaderIo, Secrets } from '../domain/ports/io.ts';
import type { AwsOperators } from '../domain/ports/aws.ts';
import type { AzureOperators } from '../domain/ports/azure.ts';
import type { GcpOperators } from '../domain/ports/gcp.ts';
import type { KubernetesConnection } from '../domain/ports/kubernetes.ts';
import type { SshOperators } from '../domain/ports/ssh.ts';
import { awsOperators, awsReaders, type ActingConnection } from './clients/aws/index.ts';
import { azureOperators, azureReaders, type ActingAzure } from './clients/azure/index.ts';
import { gcpOperators, gcpReaders, type ActingProjects } from './clients/gcp/index.ts';
import { cloudHosts, type CloudSource } from './clients/cloud/hosts.ts';
import type { GitForge } from './clients/git/config.ts';
import { gitRepositoriesOf } from './clients/git/index.ts';
import { kubernetesOperators, kubernetesReaders } from './clients/kubernetes/index.ts';
import { sshClients } from './clients/ssh/index.ts';
import { sshOperators, type SshHands } from './clients/ssh/operators.ts';
import { nodeExec, nodeProcesses } from './exec.ts';
import { readFiles, writeFiles } from './files.ts';
import { nodeHttp } from './http.ts';
import { nodeSockets } from './sockets.ts';

/** What a reader's and an operator's io have in common. */
export interface Ambient {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly secrets: Secrets;
}

/**
 * Real io for sources and channels: nothing in it changes the world but HTTP, which they use with readers' credentials. `sources`
 * are those of watchkeeper.yaml: clouds among them can be asked for their machines.
 */
export function makeReaderIo(ambient: Ambient, sources: readonly CloudSource[] = []): ReaderIo {
  const http = nodeHttp(ambient.clock);
  const parts = { ...ambient, http };
  const clouds = { aws: awsReaders(parts), azure: azureReaders(parts), gcp: gcpReaders(parts) };
  return {
    ...ambient,
    http,
    ...clouds,
    cloudHosts: cloudHosts(sources, { ...ambient, ...clouds }),
    files: readFiles,
    sockets: nodeSockets,
    kubernetes: kubernetesReaders(ambient.clock, ambient.secrets),
    ssh: sshClients({ ...ambient, files: readFiles }),
  };
}

/** Where hands have credentials of their own: operators in watchkeeper.yaml. */
export interface Operators {
  readonly kubernetes?: readonly KubernetesConnection[];
  readonly git?: readonly GitForge[];
  readonly ssh?: readonly SshHands[];
  readonly aws?: readonly ActingConnection[];
  readonly azure?: readonly ActingAzure[];
  readonly gcp?: readonly ActingProjects[];
}

/** Real hands in AWS. */
export function makeAwsHands(ambient: Ambient, connections: readonly ActingConnection[]): AwsOperators {
  return awsOperators(connections, { ...ambient, http: nodeHttp(ambient.clock) });
}

/** Real hands in Google Cloud. */
export function makeGcpHands(ambient: Ambient, connections: readonly ActingProjects[]): GcpOperators {
  return gcpOperators(connections, { ...ambient, http: nodeHttp(ambient.clock) });
}

/** Real hands in Azure. */
export function makeAzureHands(ambient: Ambient, connections: readonly ActingAzure[]): AzureOperators {
  return azureOperators(connections, { ...ambient, http: nodeHttp(ambient.clock) });
}

/** Real hands on hosts: which hosts there are is read with the readers' credentials. */
export function makeSshHands(
  ambient: Ambient,
  hands: readonly SshHands[],
  sources: readonly CloudSource[],
): SshOperators {
  const { cloudHosts: machines } = makeReaderIo(ambient, sources);
  return sshOperators({ ...ambient, files: readFiles, cloudHosts: machines }, hands);
}

/** Real io for actions. `path` is the PATH that programs are looked up in, `operators` where it may act. Its own HTTP pool: no socket is shared with a reader. */
export function makeOperatorIo(
  ambient: Ambient,
  path: string,
  operators: Operators = {},
  sources: readonly CloudSource[] = [],
): OperatorIo {
  const http = nodeHttp(ambient.clock);
  return {
    ...ambient,
    http,
    files: writeFiles,
    exec: nodeExec(ambient.clock, path),
    processes: nodeProcesses,
    sockets: nodeSockets,
    kubernetes: kubernetesOperators(ambient.clock, ambient.secrets, operators.kubernetes ?? []),
    aws: awsOperators(operators.aws ?? [], { ...ambient, http }),
    azure: azureOperators(operators.azure ?? [], { ...ambient, http }),
    gcp: gcpOperators(operators.gcp ?? [], { ...ambient, http }),
    git: gitRepositoriesOf({ ...ambient, http }, operators.git ?? []),
    ssh: makeSshHands(ambient, operators.ssh ?? [], sources),
  };
}
