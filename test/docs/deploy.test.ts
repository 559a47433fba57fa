import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { createMetrics } from '../../src/agent/metrics.ts';
import { settings } from '../../src/agent/load/index.ts';
import { root, textOf } from '../architecture/tree.ts';

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

describe('deploy/prometheus/rules.yaml', () => {
  const rules = (parse(textOf('deploy/prometheus/rules.yaml')) as Rules).groups.flatMap((group) => group.rules);
  const known = createMetrics().registry.getMetricsAsArray();

  it.each(rules.map(({ alert, expr }) => [alert, expr]))('%s asks for metrics that there are', (_alert, expr) => {
    const asked = [...expr.matchAll(/watchkeeper_[a-z_]+/g)].map(([name]) => name);
    expect(asked.length).toBeGreaterThan(0);
    const names = new Set(known.map(({ name }) => name));
    expect(asked.filter((name) => !names.has(name) && !names.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual(
      [],
    );
  });

  it('has the dead man’s switch, which also speaks when there is nothing to scrape', () => {
    const expr = rules.find(({ alert }) => alert === 'WatchkeeperStandsStill')?.expr ?? '';
    expect(expr).toContain('absent(watchkeeper_last_tick_timestamp_seconds)');
  });
});

describe('deploy/grafana/watchkeeper.json', () => {
  interface Dashboard {
    readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
  }
  const { panels } = JSON.parse(textOf('deploy/grafana/watchkeeper.json')) as Dashboard;
  const names = new Set(
    createMetrics()
      .registry.getMetricsAsArray()
      .map(({ name }) => name),
  );
  const asked = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }): [string, string] => [title, expr]));

  it.each(asked)('%s asks for metrics that there are', (_title, expr) => {
    const found = [...expr.matchAll(/watchkeeper_[a-z_]+/g)].map(([name]) => name);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((name) => !names.has(name) && !names.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual(
      [],
    );
  });
});

describe('deploy/systemd/watchkeeper.service', () => {
  const unit = textOf('deploy/systemd/watchkeeper.service');
  it('runs as somebody, without privileges, and writes only its state', () => {
    for (const line of [
      'User=watchkeeper',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'CapabilityBoundingSet=',
      'StateDirectory=watchkeeper',
      'Restart=on-failure',
    ])
      expect(unit.split('\n')).toContain(line);
  });
  it('sets only what the daemon knows', () => {
    const variables = new Set(settings().map(({ variable }) => variable));
    const set = [...`${unit}\n${textOf('Dockerfile')}`.matchAll(/\b(WATCHKEEPER_[A-Z_]+)=/g)].map(([, name]) => name);
    expect(set.length).toBeGreaterThan(3);
    expect(set.filter((name) => !variables.has(name ?? ''))).toEqual([]);
  });
});

describe('Dockerfile', () => {
  const lines = textOf('Dockerfile').split('\n');
  const allowed = textOf('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  it('copies only what is there and what .dockerignore lets in', () => {
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(copied.length).toBeGreaterThan(6);
    expect(copied.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
    expect(copied.filter((file) => !allowed.includes(file))).toEqual([]);
    expect(allowed.filter((file) => !copied.includes(file))).toEqual([]);
  });
  it('ends without root, shell or health command', () => {
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
    expect(last[0]).toContain('distroless/nodejs24');
    expect(last).toContain('USER 65532:65532');
    expect(last.some((line) => line.startsWith('RUN'))).toBe(false);
    expect(last).toContain('HEALTHCHECK NONE');
    expect(last.find((line) => line.startsWith('ENTRYPOINT'))).toMatch(
      /^ENTRYPOINT \["\/nodejs\/bin\/node", .*"dist\/main.js"\]$/,
    );
  });
  it('takes the same Node as the package', () => {
    const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: { node: string } };
    expect(lines.find((line) => line.startsWith('FROM node:'))).toContain(`node:${dependencies.node.split('.')[0]}-`);
  });
});
