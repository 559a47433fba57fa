import type { World } from './types.ts';

/** How it stands at the end: the incidents and why, what runs where, and what the ledger holds. */
export async function endingOf(world: World): Promise<string> {
  const { daemon, host, story } = world;
  const lines: string[] = [''];
  const incidents = (await daemon?.agent.incidents({ limit: 20, status: 'all' }))?.incidents ?? [];
  for (const { id } of [...incidents].reverse()) {
    const view = await daemon?.agent.incident(id);
    if (!view) continue;
    const { incident, file } = view;
    lines.push(`${story.name('incident', id)} is ${incident.status}: ${file?.standing ?? ''}`);
    // There are more runbooks for other platforms with every platform; what they are not for is no part of this story.
    const told = (file?.matches ?? []).filter(
      ({ matched, because }) =>
        matched || (Object.keys(world.file.cluster).length === 0 && because !== 'not so: has(service.workload)'),
    );
    for (const match of told)
      lines.push(`  ${match.matched ? 'matched' : 'no match'} ${match.runbook}: ${match.because}`);
  }
  if (incidents.length === 0) lines.push('no incident');
  for (const name of Object.keys(world.file.host)) {
    const { release, pid } = host.service(name);
    lines.push(`${name} runs ${pid === 0 ? 'nothing' : release}`);
  }
  for (const name of Object.keys(world.file.cluster)) lines.push(`${name} runs ${world.cluster.told(name)}`);
  if (world.file.windows !== undefined)
    lines.push(
      `${world.file.windows} is ${world.windows.state.service.state}, its site serves ${world.windows.release()}`,
    );
  lines.push(`acts on the machine: ${host.effects.length}`);
  lines.push(
    `people heard: ${world.heard.length} (${[...new Set(world.heard.map(({ notice }) => notice.kind))].join(', ')})`,
  );
  lines.push(`ledger: ${countTypes(world)}`);
  return lines.join('\n');
}

function countTypes(world: World): string {
  const counts = new Map<string, number>();
  for (const { draft } of world.recorded) counts.set(draft.type, (counts.get(draft.type) ?? 0) + 1);
  return [...counts].map(([type, count]) => `${type}×${count}`).join(' ');
}
