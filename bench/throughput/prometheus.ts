import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort, peersRoot } from '../../test/e2e/peers/peers.ts';

/** What a process cost, as the kernel counts it. */
export interface Cost {
  readonly cpuS: number;
  readonly rssMb: number;
  readonly seconds: number;
}

/**
 * Debian's Prometheus on the same endpoints, with the nearest it has to what is judged here: for each signal a recording rule of
 * how far the newest value lies from the series' own last ten minutes, in standard deviations, and two alerts, one of
 * that and one of a fixed limit. It also stores what it reads, which Watchkeeper does not.
 */
export async function prometheusCost(
  port: number,
  targets: number,
  intervalS: number,
  settleS: number,
  measureS: number,
): Promise<Cost> {
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-bench-prometheus-'));
  const own = await freePort();
  const metrics: readonly (readonly [string, string, number])[] = [
    ['traffic', 'rate(http_requests_total[1m])', 1e6],
    ['errors', 'rate(http_request_errors_total[1m]) / rate(http_requests_total[1m])', 0.2],
    ['latency', 'http_request_duration_p99_seconds', 5],
    ['cpu', 'process_cpu_cores', 64],
    ['memory', 'process_resident_memory_mebibytes', 1e6],
  ];
  const groups = metrics.map(([name, expression, limit]) => {
    return {
      name,
      rules: [
        { record: `signal:${name}`, expr: expression },
        {
          record: `surprise:${name}`,
          expr: `abs(signal:${name} - avg_over_time(signal:${name}[10m])) / stddev_over_time(signal:${name}[10m])`,
        },
        { alert: `surprising-${name}`, expr: `surprise:${name} > 8`, for: '1m' },
        { alert: `high-${name}`, expr: `signal:${name} > ${limit}`, for: '1m' },
      ],
    };
  });
  const config = {
    global: { scrape_interval: `${intervalS}s`, evaluation_interval: `${intervalS}s` },
    rule_files: ['rules.yml'],
    scrape_configs: Array.from({ length: targets }, (_, index) => ({
      job_name: `fleet-${index}`,
      metrics_path: `/metrics/${index}`,
      static_configs: [{ targets: [`127.0.0.1:${port}`] }],
    })),
  };
  writeFileSync(path.join(folder, 'prometheus.yml'), JSON.stringify(config));
  writeFileSync(path.join(folder, 'rules.yml'), JSON.stringify({ groups }));
  const child = spawn(
    path.join(peersRoot(), 'usr/bin/prometheus'),
    [
      `--config.file=${path.join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${own}`,
    ],
    { stdio: 'ignore' },
  );
  try {
    await pause(settleS * 1_000);
    const before = cpuSeconds(child);
    await pause(measureS * 1_000);
    return { cpuS: cpuSeconds(child) - before, rssMb: rssMb(child), seconds: measureS };
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}

function cpuSeconds({ pid }: ChildProcess): number {
  const [, rest = ''] = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  // utime and stime, in ticks of a hundredth of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rssMb({ pid }: ChildProcess): number {
  const text = readFileSync(`/proc/${pid ?? 0}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? NaN) / 1_024;
}
