/**
 * What the hands need to be allowed in a cluster: the least Roles for the runbooks in force, and how they compare with
 * what our credentials are good for.
 */
export { awsOperatorPolicies, document as awsDocument, type AwsPolicy } from './aws.ts';
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
