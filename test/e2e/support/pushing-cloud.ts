import type { JsonObject } from '../../../src/lib/json.ts';

/** A cloud with one service, `web`, that tells the daemon of alerts, signed by keys of the test's own. */
export interface PushingCloud {
  /** The source in watchkeeper.yaml, without its interval. */
  readonly source: JsonObject;
  readonly runsOn: JsonObject;
  readonly environment: Readonly<Record<string, string>>;
  /** How often its alerts were read. */
  looks(): number;
  /** From now on an alert fires, for whoever reads. */
  fires(): void;
  isOver(): void;
  /** What it sends, with a token of the published key, or of another under its name. */
  message(
    state: 'fired' | 'resolved',
    key: 'good' | 'other',
  ): Promise<{ readonly token: string; readonly body: JsonObject }>;
  /** What the daemon asked that the cloud does not know, or did not allow. */
  violations(): readonly string[];
  close(): Promise<void>;
}
