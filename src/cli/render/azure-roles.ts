import type { AzureRole } from '../../agent/index.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { clean } from './safe.ts';

/**
 * Role definitions as JSON, as `az role definition create` takes it; comment lines say whose each is, and where it is
 * assigned. @throws `usage` when there is none.
 */
export function azureRolesText({
  readers,
  operators,
}: {
  readonly readers: readonly AzureRole[];
  readonly operators: readonly AzureRole[];
}): string {
  if (readers.length + operators.length === 0)
    throw new WatchkeeperError(
      'usage',
      'this watchkeeper.yaml has no azure source, and no runbook in force acts in Azure',
      {
        fix: 'Give the one of the daemon with --config.',
      },
    );
  const parts = [
    ...readers.map((one) => [`# For the identity that the source ${clean(one.identity, 80)} reads as.`, one] as const),
    ...operators.map((one) => [`# For ${clean(one.identity, 200)}, which acts.`, one] as const),
  ];
  return parts
    .map(([said, { assignAt, role }]) =>
      [said, ...assignAt.map((id) => `# Assign at: ${clean(id, 500)}`), JSON.stringify(role, undefined, 2)].join('\n'),
    )
    .join('\n\n');
}
