/** The report's own style sheet: system fonts, light and dark, readable on paper. */
export const styles = `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6776; --paper: #fff; --line: #d8dee6; --seen: #1463b8;
  --band: #2a9d5c33; --fire: #d4351c26; --change: #a05a00; --bad: #b3261e; --good: #1d7a43; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --soft: #9aa7b6; --paper: #12171e; --line: #2c3642;
  --seen: #6db3ff; --band: #3ecf8033; --fire: #ff6b5733; --change: #f0b429; --bad: #ff8a7d; --good: #5fd394; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; } h3 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
section { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; break-inside: avoid; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; } caption { text-align: left; font-weight: 600; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
.summary { width: auto; } .summary th { font-weight: 400; } .summary td { font-variant-numeric: tabular-nums; }
.quiet, .axis { color: var(--soft); fill: var(--soft); } .reason { overflow-wrap: anywhere; }
.tag { border: 1px solid currentColor; border-radius: 4px; padding: 0 .35rem; font-size: .8rem; color: var(--soft); }
.critical, .regressed { color: var(--bad); } .healthy { color: var(--good); }
svg { width: 100%; height: auto; } .axis { font-size: 11px; } .end { text-anchor: end; }
.seen { fill: none; stroke: var(--seen); stroke-width: 1.5; } .expected { fill: var(--band); } .firing { fill: var(--fire); }
.change line { stroke: var(--change); stroke-dasharray: 4 3; } .change text { fill: var(--change); }
`;
