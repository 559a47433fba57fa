/** A number with its unit (UCUM), as people read it: `12.3%`, `340ms`, `1.2GiB`, `17/s`. Other units stand as they are. */
export function measured(value: number, unit: string): string {
  if (!Number.isFinite(value)) return 'no number';
  if (unit === 'ratio') return `${figure(value * 100)}%`;
  if (unit === '%') return `${figure(value)}%`;
  if (unit === 's') return Math.abs(value) < 1 ? `${figure(value * 1_000)}ms` : `${figure(value)}s`;
  if (unit === 'ms') return `${figure(value)}ms`;
  if (unit === 'By') return bytes(value);
  if (unit === 'MiBy') return bytes(value * 1024 * 1024);
  if (unit === '1/s') return `${figure(value)}/s`;
  return unit === '1' || unit === '' ? figure(value) : `${figure(value)} ${unit}`;
}

/** A size: `512B`, `1.5MiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${figure(size)}${units[unit] ?? ''}`;
}

function figure(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}
