import type { AzureReader } from '../../../domain/ports/azure.ts';
import type { JsonObject } from '../../../lib/json.ts';

/** What serves now, in words that a change and an action use as well. */
export interface Running {
  /** `web--v2`, `web--v1@90%+web--v2@10%`, a deployment, an image. */
  readonly what: string;
  /** Since when, where the resource says so. */
  readonly sinceMs?: number;
  /** What served before, where the resource still knows. */
  readonly before?: string;
  /** Going to it is going back. */
  readonly isBack?: boolean;
  /** Who brought it, where the resource itself says so. */
  readonly by?: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A resource as it is now. */
export interface AzureState {
  /** Of what should serve, how much can: 0 to 1. */
  readonly availability: number;
  /** Whether the newest revision or version does not come up. */
  readonly isFailing: boolean;
  readonly replicas: number;
  /** Absent: the resource does not say what it runs. */
  readonly running?: Running;
  /** How many are wanted, where that is a setting. */
  readonly wanted?: number;
  /** Its own words. */
  readonly said: string;
  readonly facts: JsonObject;
}

/** Asks about one resource. */
export type AskOf = (
  operation: Parameters<AzureReader['ask']>[0]['operation'],
  query?: Readonly<Record<string, string>>,
  /** Of the resource group around it instead; `next`: the same list, further on. */
  around?: { readonly next?: string },
) => Promise<JsonObject>;
