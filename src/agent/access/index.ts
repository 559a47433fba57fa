/**
 * What the hands need to be allowed, for the runbooks in force and nothing more: in a cluster as Roles, compared with what our
 * credentials are good for; on hosts as lines of sudoers, on Windows as
 * groups, lists of access and user rights.
 */
export { gcpOperatorRoles, gcpReaderRoles, gcpRolesText, type GcpRole } from './gcp.ts';
export { awsOperatorPolicies, document as awsDocument, type AwsPolicy } from './aws.ts';
export { windowsAccounts, windowsText, type WindowsAccount } from './windows.ts';
export { azureOperatorRoles, azureReaderRole, type AzureRole } from './azure.ts';
export { hostPermissions, sudoersText, type HostPermissions } from './hosts.ts';
export { rbacManifests, type Account } from './manifest.ts';
export { accessText, logAccess, logReaders, operatorReport } from './report.ts';
export { reviewAccess, reviewReader, type AccessReport } from './review.ts';
export {
  operatorPermissions,
  readerPermissions,
  type ClusterPermissions,
  type RbacRule,
  type WhoActs,
} from './rules.ts';
