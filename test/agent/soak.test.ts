import { describe, expect, it } from 'vitest';

import { soak } from '../support/soak.ts';

describe('days of watching', () => {
  it('say the same with restarts as without, word by word', () => {
    const days = { series: 60, days: 4, everyMs: 300_000 };
    const whole = soak({ ...days, restarts: new Set() });
    // In the middle of transients and troubles as well as of quiet.
    const restarts = new Set([3, 250, 251, 288, 300, 470, 471, 600, 803, 1_000, 1_151]);
    expect(soak({ ...days, restarts })).toEqual({ ...whole, restarts: restarts.size });
    expect(whole.deploys).toBeGreaterThan(3);
    expect(whole.findings).toBeGreaterThan(50);
    // A world that differs is told apart.
    expect(soak({ ...days, series: 40, restarts: new Set() }).digest).not.toBe(whole.digest);
  }, 60_000);
});
