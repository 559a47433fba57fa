import type { ResourceState } from '../../../domain/telemetry.ts';
import type { RemoteMachine } from './machine.ts';

const maxPorts = 500;

/** The TCP ports a machine listens on, as a fact for people and for diagnosis. Nothing when they cannot be read. */
export async function readListening(
  machine: RemoteMachine,
  service: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly ResourceState[]> {
  const answer = await machine.ask({ is: 'listening' }, signal);
  if (answer.is !== 'bytes') return [];
  const ports = parseListening(new TextDecoder().decode(answer.bytes));
  if (ports.length === 0) return [];
  return [
    { kind: 'listening', id: `${service}/listening`, service, atMs: nowMs, attributes: { tcp: ports.join(' ') } },
  ];
}

/** Lines of /proc/net/tcp and tcp6 in state LISTEN (0A) as port numbers, each once, in order. */
export function parseListening(text: string): readonly number[] {
  const found = text.matchAll(/^\s*\d+: (?:[0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /gm);
  const ports = new Set([...found].map(([, port = '']) => parseInt(port, 16)));
  return [...ports].sort((a, b) => a - b).slice(0, maxPorts);
}
