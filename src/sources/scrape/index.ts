import type { SourceKind } from '../../domain/ports/source.ts';
import { scrapeConfig, scrapeQuery, type ScrapeConfig } from './schema.ts';
import { createScrapeSource, scrapeTraits } from './source.ts';

/**
 * # scrape: any `/metrics` endpoint, without a Prometheus in between
 *
 * Reads Prometheus text 0.0.4 and OpenMetrics 1.0. A scrape is bytes → `scan` (where the parts of a line lie) →
 * `exposition` (series with values, in columns) → `reading` (what one target said at one moment) → `evaluate` (a
 * binding's query over the two newest readings of all targets). Counters become rates here, so that a counter never
 * leaves this folder. Deliberately absent: protobuf, native histograms, exemplars (checked and left out), history.
 */
export const scrapeSource: SourceKind<ScrapeConfig> = {
  kind: 'scrape',
  summary: 'Any /metrics endpoint, scraped directly: Prometheus text and OpenMetrics.',
  traits: scrapeTraits,
  config: scrapeConfig,
  query: scrapeQuery,
  create: createScrapeSource,
};

export { createExpositionParser, type Exposition, type ExpositionResult } from './exposition.ts';
