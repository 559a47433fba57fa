/** What calls of a cloud have been made since the start, and what they are reckoned to cost by the list prices. */
export interface CloudUse {
  /** By API: `cloudwatch:GetMetricData`. */
  readonly calls: Readonly<Record<string, number>>;
  readonly dollars: number;
}
