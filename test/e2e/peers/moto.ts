import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

import type { Json } from '../../../src/lib/json.ts';
import { startPeer, type Peer } from './peers.ts';

/** Keys to come with; absent: some that nobody checks. */
export interface Keys {
  readonly id: string;
  readonly secret: string;
  readonly token?: string;
}

/** Somebody else's client of AWS: botocore in a process of its own. */
export interface AwsHand {
  /** Calls an operation by botocore's name: `hand.ask('ecs', 'create_cluster', {clusterName: 'shop'})`. Bytes: `{$bytes: base64}`. */
  ask(service: string, operation: string, args?: Json, region?: string, keys?: Keys): Promise<Record<string, Json>>;
  close(): void;
}

/** A moto server on a loopback port: what stands for AWS, its state in memory. */
export async function startMoto(): Promise<Peer> {
  return startPeer(
    'moto',
    '/moto-api/data.json',
    (_folder, port) => ['-H', '127.0.0.1', '-p', String(port)],
    [path.join(motoRoot(), 'bin', 'moto_server')],
    90_000,
  );
}

/** Starts botocore against an endpoint. */
export function startAwsHand(endpoint: string): AwsHand {
  const child = spawn(
    path.join(motoRoot(), 'bin', 'python'),
    [path.join(import.meta.dirname, 'aws-hand.py'), endpoint],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  return {
    ask: async (service, operation, args = {}, region = 'eu-west-1', keys) => {
      const line = await new Promise<string>((resolve) => {
        waiting.push(resolve);
        child.stdin.write(`${JSON.stringify({ service, operation, arguments: args, region, keys })}\n`);
      });
      const said = JSON.parse(line) as { readonly answer?: Record<string, Json>; readonly fault?: string };
      if (said.answer === undefined) throw new Error(`${service} ${operation}: ${said.fault ?? line}`);
      return said.answer;
    },
    close: () => void child.kill('SIGTERM'),
  };
}

function motoRoot(): string {
  return execFileSync('bash', [path.join(import.meta.dirname, 'moto.sh')], { encoding: 'utf8' }).trim();
}
