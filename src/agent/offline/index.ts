/**
 * What the CLI does without a daemon: reads and checks what people write, tries connections, plays recordings, looks at a
 * ledger, makes decisions again. Everything here only reads, but for files that the caller names.
 */
export {
  backtest,
  pickScorer,
  scoreSeries,
  type BacktestAlert,
  type BacktestOutcome,
  type Picture,
} from '../backtest/index.ts';
export { replayDecisions, type ReplayDifference, type ReplayReport } from '../replay.ts';
export { testResources, type TestReport } from '../testing.ts';
export {
  operatorPermissions,
  rbacManifests,
  reviewAccess,
  sudoersText,
  windowsText,
  type AccessReport,
  type Account,
  type ClusterPermissions,
  type HostPermissions,
  type RbacRule,
  type WindowsAccount,
} from '../access/index.ts';
export { checkConnections, type ConnectionReport } from './connections.ts';
export { examine, type Finding as DoctorFinding } from './doctor.ts';
export { openConfiguredLedger, openLedgerToLookAt, verifyReceiptText, type LookedAtLedger } from './ledger.ts';
export { type AwsPolicy, type AzureRole } from '../access/index.ts';
export { azureRoles } from './azure-roles.ts';
export { gcpRolesText, type GcpRole } from '../access/index.ts';
export {
  awsPolicies,
  gcpRoles,
  besidesOf,
  kubernetesPermissions,
  kubernetesReading,
  diffOf,
  matrixFor,
  permissionsOf,
  sampleService,
  sshPermissions,
  windowsPermissions,
  type PermissionRow,
} from './policies.ts';
export { checkResources, openFolder, openResources, type CheckReport, type ResourcePlace } from './resources.ts';
export { changesFromText, knownChanges, record, type RecordingMade } from '../record/index.ts';
