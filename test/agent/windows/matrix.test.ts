import { describe, expect, it } from 'vitest';

import { createMatrix } from '../../../src/agent/matrix.ts';
import type { Watch } from '../../../src/agent/watch.ts';
import type { Service } from '../../../src/domain/service.ts';
import { limits } from '../../../src/lib/limits.ts';
import { waitingWorld } from '../../support/api-world.ts';

describe('the policy matrix', () => {
  it('is reckoned a part at a time, kept, and reckoned anew when what it is made of changes', async () => {
    const { world } = await waitingWorld();
    const watch = world.daemon?.composed.watch as Watch;
    const [one] = watch.catalog().services as readonly [Service];
    const steps = watch.resources().runbooks.flatMap((runbook) => runbook.steps).length;
    const services = Array.from({ length: 20 }, (_, n): Service => ({ ...one, name: `service-${n}` }));
    const catalog = { services, get: (name: string) => services.find((service) => service.name === name) };
    const desk = createMatrix({ ...watch, catalog: () => catalog } as unknown as Watch);
    const first = desk.all();
    expect(first.complete).toBe(false);
    expect(first.rows.length).toBeLessThanOrEqual(limits.matrixCells + steps);
    const whole = desk.all();
    expect(whole.complete).toBe(true);
    expect(whole.rows).toHaveLength(20 * steps);
    expect(desk.of(services[7] as Service)).toBe(desk.of(services[7] as Service));
    const other: Service = { ...(services[7] as Service), labels: { env: 'dev' } };
    const denied = (rows: readonly { readonly outcome: string }[]) => rows.every(({ outcome }) => outcome === 'deny');
    expect([denied(desk.of(services[7] as Service)), denied(desk.of(other))]).toEqual([false, true]);
  });
});
