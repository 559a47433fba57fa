import type { BacktestAlert, BacktestOutcome } from '../../agent/index.ts';
import type { Change, ChangeVerdict } from '../../domain/change.ts';
import { formatDuration } from '../../lib/duration.ts';
import { limits } from '../../lib/limits.ts';
import { chartOf, stamp } from './chart.ts';
import { html, type Html } from './html.ts';
import { styles } from './styles.ts';
import { summaryOf, type Summary } from './summary.ts';

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const changesListed = 500;

/**
 * The report of a backtest: one HTML file that asks for nothing. It holds at most `limits.reportCharts` charts and
 * about `limits.reportBytes` bytes; what was left out is said.
 */
export function renderReport(outcome: BacktestOutcome): string {
  const summary = summaryOf(outcome);
  const { shown, left } = findings(outcome);
  return `<!doctype html>\n${
    html`<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>What Watchkeeper would have called</title>
        <style>
          ${{ markup: styles }}
        </style>
      </head>
      <body>
        <main>
          <h1>What Watchkeeper would have called</h1>
          <p>
            ${stamp(outcome.from * 1_000)} to ${stamp(outcome.until * 1_000)}:
            ${outcome.services.length.toLocaleString('en')} services, ${outcome.series.toLocaleString('en')} series,
            ${outcome.samples.toLocaleString('en')} samples, ${outcome.changes.length.toLocaleString('en')} changes,
            ${outcome.gaps.toLocaleString('en')} gaps, ${outcome.detectors.length} detectors. Played causally: at each
            moment only what had been seen by then.
          </p>
          ${summaryTable(summary)}
          <h2>Findings</h2>
          ${shown.length === 0 ? html`<p>Nothing would have fired.</p>` : shown}
          ${left === 0 ? html`` : html`<p class="quiet">${left} more findings are left out of this report.</p>`}
          <h2>Changes and verdicts</h2>
          ${changeTable(outcome)}
        </main>
      </body>
    </html>`.markup
  }\n`;
}

function summaryTable(summary: Summary): Html {
  const rows: readonly (readonly [string, string])[] = [
    ['Pages (incidents opened by active detectors)', String(summary.pages)],
    ['Pages per service and week', summary.perServiceWeek.toFixed(2)],
    ['Alerts', `${summary.alerts} active, ${summary.shadow} in shadow`],
    ['Deploys and rollbacks', String(summary.rollouts)],
    ['Of those judged healthy and not paged', `${summary.healthyQuiet} of ${summary.healthy}`],
    ['Of those judged regressed', String(summary.regressed)],
    ['Not judged, or inconclusive', String(summary.undecided)],
  ];
  return html`<table class="summary">
    <caption>
      In short
    </caption>
    <tbody>
      ${rows.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function findings(outcome: BacktestOutcome): { readonly shown: readonly Html[]; readonly left: number } {
  const shown: Html[] = [];
  let bytes = 0;
  for (const [index, alert] of outcome.alerts.entries()) {
    if (index >= limits.reportCharts || bytes > limits.reportBytes) break;
    const section = findingSection(alert, outcome);
    bytes += section.markup.length;
    shown.push(section);
  }
  return { shown, left: outcome.alerts.length - shown.length };
}

function findingSection(alert: BacktestAlert, outcome: BacktestOutcome): Html {
  const own = outcome.changes.filter(({ service }) => service === alert.service);
  const labels = Object.entries(alert.labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  const lasted =
    alert.until === null ? 'still fired at the end' : `for ${formatDuration((alert.until - alert.at) * 1_000)}`;
  return html`<section>
    <h3>${alert.service}: ${alert.signal}${labels === '' ? '' : ` {${labels}}`}</h3>
    <p>
      <span class="tag ${alert.severity === 'critical' ? 'critical' : 'plain'}">${alert.severity}</span>
      ${alert.mode === 'shadow' ? html`<span class="tag plain">shadow</span>` : html``} ${stamp(alert.at * 1_000)},
      ${lasted}, by ${alert.detector}.
    </p>
    <p class="reason">${alert.reason}</p>
    ${chartOf(alert, own)}
  </section>`;
}

function changeTable({ changes, verdicts }: BacktestOutcome): Html {
  if (changes.length === 0) return html`<p>No change was recorded: nothing could be judged by what was deployed.</p>`;
  const byChange = new Map<string, ChangeVerdict[]>();
  for (const verdict of verdicts) byChange.set(verdict.changeId, [...(byChange.get(verdict.changeId) ?? []), verdict]);
  const left = changes.length - changesListed;
  return html`<table>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col">Verdicts, and why</th>
        </tr>
      </thead>
      <tbody>
        ${changes.slice(0, changesListed).map((change) => changeRow(change, byChange.get(change.id) ?? []))}
      </tbody>
    </table>
    ${left > 0 ? html`<p class="quiet">${left} more changes are left out.</p>` : html``}`;
}

function changeRow(change: Change, verdicts: readonly ChangeVerdict[]): Html {
  const moved = [change.from, change.to].filter((one) => one !== undefined).join(' → ');
  return html`<tr>
    <td>${stamp(change.atMs)}</td>
    <td>${change.service}: ${change.kind} ${moved}</td>
    <td>
      ${
        verdicts.length === 0
          ? html`<span class="quiet">not judged</span>`
          : verdicts.map(
              (one) => html`<div><span class="tag ${one.verdict}">${one.verdict}</span> ${one.because}</div>`,
            )
      }
    </td>
  </tr>`;
}
