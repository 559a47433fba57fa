import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';

import type { Alert } from '../../src/domain/alert.ts';
import { until } from './peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess } from './support/daemon.ts';

const sizeBytes = 32 * 1024 * 1024;
// A small disk of its own under /var/log, seen by nobody but this daemon, with one rotated log that is long over.
const smallDisk = `mount -t tmpfs -o size=${sizeBytes} small /var/log && echo old > /var/log/shop.log.1.gz &&
  touch -d '10 days ago' /var/log/shop.log.1.gz && exec "$@"`;

test.skipIf(process.getuid?.() !== 0)(
  'with no configuration, a disk that fills raises the forecast, then the alert, with a suggested step',
  { timeout: 420_000 },
  async () => {
    const home = makeHome();
    const through = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', smallDisk, 'sh'];
    const daemon = await startDaemon(home, { through });
    try {
      console.log(`ready in ${daemon.readyMs.toFixed(0)} ms, ${(daemon.rss() / 1e6).toFixed(0)} MB resident`);
      expect(daemon.readyMs).toBeLessThan(10_000);
      expect((await daemon.status()).ceiling).toBe('suggest');

      // Two percent every two and a half seconds, up to 97 %.
      const file = `/proc/${daemon.pid}/root/var/log/shop.log`;
      let used = 0;
      const filling = fill(97, async (percent) => {
        used = percent;
        appendFileSync(file, Buffer.alloc((sizeBytes * 2) / 100, 'x'));
        await pause(2_500);
      });
      await until('the forecast fires', async () => has(await firing(daemon), 'disk-filling'), 150_000);
      expect(used).toBeLessThan(92);
      expect(has(await firing(daemon), 'disk-full')).toBe(false);
      await until('somebody is told', () => suggestion(daemon) !== undefined, 90_000);
      await filling;
      await until('the alert fires', async () => has(await firing(daemon), 'disk-full'), 90_000);

      const [incident] = (await daemon.incidents()).filter(
        ({ title, services }) => services.length > 0 && title !== '',
      );
      expect(incident?.status).toBe('open');
      // What could be done is shown, and not done: with no policy written, everything is only suggested.
      expect(suggestion(daemon)).toContain('reclaim-disk');
      expect(suggestion(daemon)).toContain('/var/log');
      const types = (await daemon.ledger()).map(({ entry }) => entry.type);
      expect(types).toContain('decision');
      expect(types).not.toContain('step-intent');
      console.log(`${(daemon.rss() / 1e6).toFixed(0)} MB resident at the end`);
      expect(daemon.rss()).toBeLessThan(300e6);
      expect(await daemon.stop()).toMatchObject({ code: 0 });
    } finally {
      await daemon.kill();
      home.remove();
    }
  },
);

async function fill(toPercent: number, step: (percent: number) => Promise<void>): Promise<void> {
  for (let percent = 2; percent <= toPercent; percent += 2) await step(percent);
}

async function firing(daemon: DaemonProcess): Promise<readonly Alert[]> {
  const { alerts } = await daemon.get<{ alerts: readonly Alert[] }>('/api/v1/alerts');
  return alerts.filter(({ status, labels }) => status === 'firing' && labels['mount'] === '/var/log');
}

function has(alerts: readonly Alert[], detector: string): boolean {
  return alerts.some((alert) => alert.detector === detector);
}

function suggestion(daemon: DaemonProcess): string | undefined {
  const line = daemon.log().find(({ msg, notice_kind: kind }) => msg === 'notice' && kind !== 'resolved');
  return line === undefined ? undefined : JSON.stringify(line['text']);
}
