/** The transcript of a scenario: lines in the order in which things happened, with relative times and short names. */
export interface Story {
  tell(atMs: number, who: string, text: string): void;
  /** Gives an id (a UUID, a digest) the name it goes by in this story. */
  name(kind: string, id: string): string;
  /** Text with all named ids and wall-clock times replaced. */
  plain(text: string): string;
  readonly lines: readonly string[];
}

/** Starts an empty story at a moment. */
export function startStory(startMs: number): Story {
  const lines: string[] = [];
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  const plain = (text: string): string => {
    let out = text;
    for (const [id, name] of names) {
      out = out.replaceAll(id, name);
      if (id.length >= 16) out = out.replaceAll(id.slice(0, 12), name);
    }
    return out.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  };
  return {
    lines,
    plain,
    name: (kind, id) => {
      const known = names.get(id);
      if (known !== undefined) return known;
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      const name = `${kind}-${count}`;
      names.set(id, name);
      return name;
    },
    tell: (atMs, who, text) => {
      const rows = plain(text).split('\n');
      rows.forEach((row, index) =>
        lines.push(
          index === 0
            ? `${since(atMs - startMs).padEnd(8)} ${who.padEnd(10)} ${row}`.trimEnd()
            : `${' '.repeat(20)}${row}`.trimEnd(),
        ),
      );
    },
  };
}

function since(ms: number): string {
  return `t+${Math.round(ms / 1_000)}s`;
}
