import type { Clock } from '../../../domain/ports/io.ts';
import { parseContainers, type ContainerReader } from '../../../io/clients/linux/containers/index.ts';
import type { RemoteMachine } from './machine.ts';

/** A host without an engine is asked again after so long: somebody may install one. */
const absentMs = 10 * 60_000;

/** What runs in containers of a host, as `docker`, `podman` and `nerdctl` say. */
export function remoteContainers(machine: RemoteMachine, clock: Clock): ContainerReader {
  let restsUntilMs = -Infinity;
  return async ({ signal }) => {
    if (clock.monotonicMs() < restsUntilMs) return [];
    const answer = await machine.ask({ is: 'containers' }, signal);
    if (answer.is === 'bytes') return parseContainers(new TextDecoder().decode(answer.bytes));
    restsUntilMs = clock.monotonicMs() + absentMs;
    return [];
  };
}
