import type { AzureCall } from '../../../domain/ports/azure.ts';

/**
 * List prices, in dollars (azure.microsoft.com/pricing/details/monitor): metric queries are $0.01 for 1,000 calls, of
 * which a million a month are free; a call that is for several resources and metrics is reckoned as one for each, so
 * that the reckoning is not low. Resource Manager, Resource Graph, the activity log, alerts, and queries of analytics
 * logs are free.
 */
export const prices = { metricRead: 0.01 / 1_000 };

/** What one call costs at most, by the list and without what is free. */
export function costOf({ operation, query = {}, body }: AzureCall): number {
  if (operation !== 'metrics.batch') return 0;
  const { resourceids } = (body ?? {}) as { readonly resourceids?: unknown };
  const resources = Array.isArray(resourceids) ? resourceids.length : 0;
  return resources * (query['metricnames'] ?? '').split(',').length * prices.metricRead;
}
