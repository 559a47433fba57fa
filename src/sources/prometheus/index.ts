import type { SourceKind } from '../../domain/ports/source.ts';
import { prometheusConfig, prometheusQuery, type PrometheusConfig } from './schema.ts';
import { createPrometheusSource, prometheusTraits } from './source.ts';

/**
 * # prometheus: anything that speaks Prometheus' HTTP API
 *
 * One source is one server. Every signal is one range query: live from a cursor of its own to now, history in parts that
 * the server accepts. What a server cannot or will not answer becomes a Gap in its own words; an empty or stale answer
 * is a Gap as well. Deliberately absent: redirects, remote read, a CA file of one's own (the HTTP port has no such
 * option; Node's NODE_EXTRA_CA_CERTS adds one for the whole process).
 */
export const prometheusSource: SourceKind<PrometheusConfig> = {
  kind: 'prometheus',
  summary: 'Prometheus, Thanos, Mimir, VictoriaMetrics: PromQL range queries over the HTTP API.',
  traits: prometheusTraits,
  config: prometheusConfig,
  query: prometheusQuery,
  create: createPrometheusSource,
};
