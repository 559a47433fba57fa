import { faults } from './faults.ts';
import type { ServicePlan } from './service.ts';
import { transients } from './transients.ts';

const perService = 5;

/**
 * Services in which every transient meets every fault sooner or later. Each eighth has hardly any traffic, so that its
 * ratios are coarse.
 */
export function plansOf(seed: number, count: number, days = 7, quietDays = 3): readonly ServicePlan[] {
  const families = Object.keys(transients);
  const names = Object.keys(faults);
  return Array.from({ length: count }, (_, index) => ({
    seed: seed * 100_003 + index,
    name: `svc-${seed}-${String(index).padStart(3, '0')}`,
    family: families[index % families.length] ?? '',
    faults: Array.from({ length: perService }, (__, i) => names[(index * perService + i * 4) % names.length] ?? ''),
    days,
    quietDays,
    ...(index % 8 === 7 ? { traffic: 0.4 + (index % 5) } : {}),
  }));
}
