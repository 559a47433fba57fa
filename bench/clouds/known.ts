import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { gcp } from './gcp.ts';
import type { BenchCloud } from './cloud.ts';

/** Every cloud that is measured. A new one is a file beside this, and a line here. */
export const clouds: Readonly<Record<string, BenchCloud>> = { aws, azure, gcp };
