import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

import { peersRoot } from './peers/peers.ts';

it('Prometheus accepts the rules that watch the watch', () => {
  const promtool = path.join(peersRoot(), 'usr/bin/promtool');
  const rules = path.resolve(import.meta.dirname, '../../deploy/prometheus/rules.yaml');
  const ran = spawnSync(promtool, ['check', 'rules', rules], { encoding: 'utf8' });
  expect(ran.stdout + ran.stderr).toContain('SUCCESS');
  expect(ran.status).toBe(0);
});
