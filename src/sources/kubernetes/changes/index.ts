import { configuration } from './configuration.ts';
import { deliveries } from './deliveries.ts';
import type { ChangeReader } from './reader.ts';
import { rollouts } from './rollouts.ts';
import { autoscaling, scaling } from './scaling.ts';

/** All ways to see changes. */
export const changeReaders: readonly ChangeReader[] = [rollouts, scaling, autoscaling, configuration, deliveries];
