/** `x001/x234/067`: the path of tile 1234067 (C2SP tlog-tiles). */
export function indexPath(index: number): string {
  const groups: string[] = [];
  let rest = index;
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

/** Path of a tile; `width` below 256 makes it a partial one. `level` may be `entries`. */
export function tilePath(level: number | 'entries', index: number, width: number): string {
  return `tile/${level}/${indexPath(index)}${width < 256 ? `.p/${width}` : ''}`;
}
