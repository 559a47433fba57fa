/** How text is made for people. Everything a renderer depends on is in here, so that it is pure. */
export interface Style {
  readonly colour: boolean;
  /** A terminal: sparklines are drawn. Piped text stays plain words. */
  readonly rich: boolean;
  /** Columns. */
  readonly width: number;
  readonly nowMs: number;
  /** IANA name; absent: the machine's own. */
  readonly timeZone: string | undefined;
}

/** Piped text. */
export const plainStyle: Style = { colour: false, rich: false, width: 100, nowMs: 0, timeZone: undefined };

/** The few ways in which text is set off; all of them are plain text when piped. */
/** Colours and weights. */
export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const codes: Readonly<Record<Paint, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Paints text when colours are on. */
export function paint(style: Style, text: string, ...paints: readonly Paint[]): string {
  if (!style.colour || text === '') return text;
  return paints.reduce((painted, each) => `\u001b[${codes[each][0]}m${painted}\u001b[${codes[each][1]}m`, text);
}

/** The length people see: escape sequences count nothing. */
export function visibleLength(text: string): number {
  return Array.from(text.replace(sgr, '')).length;
}

/** Colour and weight sequences, the only ones we ever print. */
export const sgr = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]{0,20}m`, 'g');
