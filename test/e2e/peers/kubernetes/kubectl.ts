import { spawn } from 'node:child_process';
import path from 'node:path';

import type { Json } from '../../../../src/lib/json.ts';
import { kubernetesPrograms } from './program.ts';

/** How one call of kubectl differs from the administrator's plain one. */
export interface KubectlOptions {
  readonly kubeconfig?: string;
  readonly stdin?: string;
}

/** As whom manifests are applied, and under which field manager; default: the administrator, `kubectl`. */
export interface ApplyOptions {
  readonly kubeconfig?: string;
  readonly fieldManager?: string;
}

/** The real kubectl: a second client, with its own idea of the API. */
export interface Kubectl {
  /** Its standard output. @throws with its standard error when it fails. */
  readonly run: (argv: readonly string[], options?: KubectlOptions) => Promise<string>;
  readonly apply: (manifests: string | Json, as?: ApplyOptions) => Promise<void>;
}

/** kubectl with the kubeconfig of the administrator. */
export function createKubectl(adminKubeconfig: string): Kubectl {
  const run: Kubectl['run'] = (argv, { kubeconfig = adminKubeconfig, stdin } = {}) =>
    runProgram('kubectl', ['--kubeconfig', kubeconfig, '--request-timeout=30s', ...argv], stdin);
  return {
    run,
    apply: async (manifests, { kubeconfig, fieldManager = 'kubectl' } = {}) => {
      const stdin = typeof manifests === 'string' ? manifests : documents(manifests);
      const argv = ['apply', '--server-side', '--force-conflicts', `--field-manager=${fieldManager}`, '-f', '-'];
      await run(argv, { stdin, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
    },
  };
}

/** Runs one of the built programs to its end. @throws with what it said when its exit code is not 0. */
export async function runProgram(
  name: string,
  argv: readonly string[],
  stdin = '',
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(path.join(kubernetesPrograms(), name), argv, {
    stdio: 'pipe',
    timeout: 120_000,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...environment },
  });
  let out = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  // A program that ends without reading all of its input is no accident of ours.
  child.stdin.on('error', () => undefined).end(stdin);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0) throw new Error(`${name} ${argv.join(' ')}: exit ${code}: ${said}${out}`);
  return out;
}

function documents(manifests: Json): string {
  const list = Array.isArray(manifests) ? (manifests as readonly Json[]) : [manifests];
  return list.map((document) => JSON.stringify(document)).join('\n---\n');
}
