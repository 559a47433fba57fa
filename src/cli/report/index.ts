/**
 * # The report of a backtest: one HTML file
 *
 * Self-contained and inert: no script, no request to anywhere (its Content-Security-Policy says so to the browser too), charts
 * as inline SVG, light or dark as the reader's system is. Service names, labels and reasons come from outside: every
 * text passes `escape` on its way in, and there is no other way in.
 */
export { renderReport } from './report.ts';
