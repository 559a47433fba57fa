// Drawn on a 16 × 16 grid, in the colour of the text beside them. Each stands beside a word that says the same.
const paths = {
  now: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.4',
  incidents: 'M8 2.2 14.3 13H1.7L8 2.2ZM8 6.4v3.2M8 11.4v.1',
  approvals: 'M2.5 8.5h3l1 2h3l1-2h3M2.5 8.5v4.2h11V8.5L11.4 3.3H4.6L2.5 8.5Z',
  services: 'M2.5 2.8h11v4h-11zM2.5 9.2h11v4h-11zM5 4.8v.1M5 11.2v.1',
  policy: 'M8 1.8 13 3.6v4c0 3-2 5.4-5 6.6-3-1.2-5-3.6-5-6.6v-4L8 1.8ZM5.8 8l1.6 1.6 2.9-3.1',
  ledger: 'M3.5 2.2h8a1 1 0 0 1 1 1v10.6h-8a1.4 1.4 0 0 1-1.4-1.4V3.2M3.1 12.2a1.4 1.4 0 0 1 1.4-1.3h8M6 5.4h4M6 7.8h4',
  check: 'm3 8.5 3.2 3.2L13 4.8',
  cross: 'm4 4 8 8M12 4l-8 8',
  plus: 'M8 3.5v9M3.5 8h9',
  minus: 'M3.5 8h9',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2v9.6L12.5 8 5 3.2Z',
  question: 'M5.8 6A2.2 2.2 0 1 1 8 8.3v1M8 11.6v.1',
  dots: 'M3.5 8h.1M8 8h.1M12.5 8h.1',
  person: 'M8 8.2a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM2.8 13.6c.6-2.4 2.6-3.7 5.2-3.7s4.6 1.3 5.2 3.7',
  link: 'M2.5 8h2.6l1.7-4.5 2.6 9L11 8h2.5',
  cut: 'M2.5 8h2.6M11 8h2.5M6.5 5.5l3 5M9.5 5.5l-3 5',
  lock: 'M4 7.2h8v6H4zM5.8 7.2V5a2.2 2.2 0 0 1 4.4 0v2.2',
  out: 'M6.5 2.8H3.2v10.4h3.3M10 5l3 3-3 3M13 8H6.5',
  undo: 'M5.5 3.5 2.8 6.2l2.7 2.7M3 6.2h6a3.4 3.4 0 0 1 0 6.8H6',
} as const;

/** What there is a drawing of. */
export type IconName = keyof typeof paths;

/** A drawing. Nobody who cannot see it misses anything. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={paths[name]} />
    </svg>
  );
}
