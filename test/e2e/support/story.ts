import type { IncidentView, StatusView } from '../../../src/agent/index.ts';
import type { Incident } from '../../../src/domain/alert.ts';
import type { World } from './stage.ts';

/** The watch knows what is usual: half a minute of measurements. */
export async function settleIn(world: World): Promise<void> {
  await world.until('the shop is known', 60_000, async () => {
    const { services } = await world.get<StatusView>('/api/v1/status');
    const signals = services.find(({ name }) => name === 'checkout')?.signals ?? [];
    return ['errors', 'latency'].every((wanted) =>
      signals.some(({ signal, recent }) => signal === wanted && recent.length >= 22),
    );
  });
}

/** A healthy deploy, watched until it is judged. */
export async function deployHealthy(world: World): Promise<void> {
  await world.stage.deploy('v2');
  await world.until('v2 is judged', 60_000, async () => {
    const { services } = await world.get<StatusView>('/api/v1/status');
    return services.some(({ verdicts }) => verdicts.some(({ verdict }) => verdict === 'healthy'));
  });
}

/** A broken deploy that the machine may roll back by itself, watched until it is over. */
export async function deployBroken(world: World): Promise<IncidentView> {
  const before = await newest(world);
  await world.stage.deploy('v3');
  let found: IncidentView | undefined;
  await world.until('v3 is rolled back', 120_000, async () => {
    found = await view(world, before);
    return found?.incident.status === 'resolved';
  });
  if (found === undefined) throw new Error('there is no incident');
  return found;
}

/** A broken deploy in a freeze: watched until a plan waits for a person. */
export async function deployFrozen(world: World): Promise<IncidentView> {
  const before = await newest(world);
  await world.stage.freeze(Date.now() - 1_000);
  await world.until('the freeze is in force', 20_000, async () => {
    const { rows } = await world.get<{ readonly rows: readonly unknown[] }>('/api/v1/policy/matrix');
    return JSON.stringify(rows).includes('freeze') || (await frozen(world));
  });
  await world.stage.deploy('v4');
  let found: IncidentView | undefined;
  await world.until('a plan waits', 120_000, async () => {
    found = await view(world, before);
    return found?.approvals.some(({ status }) => status === 'waiting') === true;
  });
  if (found === undefined) throw new Error('there is no incident');
  return found;
}

async function frozen(world: World): Promise<boolean> {
  const { resources } = await world.get<StatusView>('/api/v1/status');
  return (resources.counts['policies'] ?? 0) > 1;
}

async function newest(world: World): Promise<string | undefined> {
  const { incidents } = await world.get<{ readonly incidents: readonly Incident[] }>(
    '/api/v1/incidents?status=all&limit=1',
  );
  return incidents[0]?.id;
}

async function view(world: World, before: string | undefined): Promise<IncidentView | undefined> {
  const id = await newest(world);
  return id === undefined || id === before ? undefined : world.get<IncidentView>(`/api/v1/incidents/${id}`);
}
