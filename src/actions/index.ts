/**
 * The hands: everything that can change the world is in this folder, and nothing else is ever given an OperatorIo.
 *
 * Each kind says what it touches, looks before and after, records what it needs to go back, and can be asked whether it
 * happened. None decides whether it should: that is policy's, asked by the executor right before each `run`. Parameters
 * come from runbooks, through strict schemas; there is no shell, no template and no free-form command anywhere here.
 *
 * A new kind is one file and one line below; test/contract/action.ts says what it must keep.
 */
import type { ActionKind } from '../domain/ports/action.ts';
import { asgInstanceRefresh } from './aws/asg-instance-refresh.ts';
import { asgInstanceRefreshCancel } from './aws/asg-instance-refresh-cancel.ts';
import { asgSetCapacity } from './aws/asg-set-capacity.ts';
import { codedeployRollback } from './aws/codedeploy-rollback.ts';
import { ec2Reboot } from './aws/ec2-reboot.ts';
import { ecsForceDeployment } from './aws/ecs-force-deployment.ts';
import { ecsRollback } from './aws/ecs-rollback.ts';
import { ecsScale } from './aws/ecs-scale.ts';
import { lambdaAliasRollback } from './aws/lambda-alias-rollback.ts';
import { rdsFailover } from './aws/rds-failover.ts';
import { ssmRun } from './aws/ssm-run.ts';
import { containerAppRollbackTemplate } from './azure/containerapp-rollback-template.ts';
import { containerAppShiftTraffic } from './azure/containerapp-shift-traffic.ts';
import { vmRestart, vmssReimage, webAppRestart } from './azure/restarts.ts';
import { sqlFailover } from './azure/sql-failover.ts';
import { vmssScale } from './azure/vmss-scale.ts';
import { webAppSwapSlot } from './azure/webapp-swap-slot.ts';
import { deployRollback } from './gcp/deploy-rollback.ts';
import { gceReset } from './gcp/gce-reset.ts';
import { migRecreateInstances } from './gcp/mig-recreate-instances.ts';
import { migResize } from './gcp/mig-resize.ts';
import { migRollback } from './gcp/mig-rollback.ts';
import { runScale } from './gcp/run-scale.ts';
import { gcpSqlFailover } from './gcp/sql-failover.ts';
import { runShiftTraffic } from './gcp/run-shift-traffic.ts';
import { gitRevert } from './git/revert.ts';
import { certificateRenew } from './host/certificate-renew.ts';
import { diskReclaim } from './host/disk-reclaim.ts';
import { packageDowngrade } from './host/package-downgrade.ts';
import { processSignal } from './host/process-signal.ts';
import { reboot } from './host/reboot.ts';
import { releaseRollback } from './host/release-rollback.ts';
import { serviceReload } from './host/service-reload.ts';
import { serviceRestart } from './host/service-restart.ts';
import { timeResync } from './host/time-resync.ts';
import {
  windowsDiskReclaim,
  windowsPoolRecycle,
  windowsProcessStop,
  windowsReboot,
  windowsServiceRestart,
  windowsTimeResync,
} from './host/windows/kinds.ts';
import { windowsSiteRollback } from './host/windows/site-rollback.ts';
import { httpRequest } from './http/request.ts';
import { configMapRestore } from './kubernetes/configmap-restore.ts';
import { cronJobSuspend } from './kubernetes/cronjob-suspend.ts';
import { jobRerun } from './kubernetes/job-rerun.ts';
import { nodeCordon } from './kubernetes/node-cordon.ts';
import { nodeDrain } from './kubernetes/node-drain.ts';
import { podDelete } from './kubernetes/pod-delete.ts';
import { pvcExpand } from './kubernetes/pvc-expand.ts';
import { resourcesRaise } from './kubernetes/resources-raise.ts';
import { rolloutUndo } from './kubernetes/rollout-undo.ts';
import { scale } from './kubernetes/scale.ts';
import { rolloutPause, rolloutRestart } from './kubernetes/template-edits.ts';
import { argoRollback } from './kubernetes/gitops/argo-rollback.ts';
import { argoSuspendSync } from './kubernetes/gitops/argo-suspend-sync.ts';
import { fluxSuspend } from './kubernetes/gitops/flux-suspend.ts';
import { helmRollback } from './kubernetes/gitops/helm-rollback.ts';

/** Every kind of action by its name. A new kind is a file, and one line here. */
export const actionKinds: Readonly<Record<string, ActionKind>> = {
  'host.service-restart': serviceRestart,
  'host.service-reload': serviceReload,
  'host.release-rollback': releaseRollback,
  'host.process-signal': processSignal,
  'host.disk-reclaim': diskReclaim,
  'host.certificate-renew': certificateRenew,
  'host.package-downgrade': packageDowngrade,
  'host.time-resync': timeResync,
  'host.reboot': reboot,
  'windows.service-restart': windowsServiceRestart,
  'windows.iis-apppool-recycle': windowsPoolRecycle,
  'windows.iis-site-rollback': windowsSiteRollback,
  'windows.disk-reclaim': windowsDiskReclaim,
  'windows.process-stop': windowsProcessStop,
  'windows.time-resync': windowsTimeResync,
  'windows.host-reboot': windowsReboot,
  'http.request': httpRequest,
  'kubernetes.rollout-undo': rolloutUndo,
  'kubernetes.rollout-restart': rolloutRestart,
  'kubernetes.rollout-pause': rolloutPause,
  'kubernetes.scale': scale,
  'kubernetes.resources-raise': resourcesRaise,
  'kubernetes.pod-delete': podDelete,
  'kubernetes.node-cordon': nodeCordon,
  'kubernetes.node-drain': nodeDrain,
  'kubernetes.job-rerun': jobRerun,
  'kubernetes.cronjob-suspend': cronJobSuspend,
  'kubernetes.pvc-expand': pvcExpand,
  'kubernetes.configmap-restore': configMapRestore,
  'git.revert': gitRevert,
  'aws.ecs-rollback': ecsRollback,
  'aws.ecs-force-deployment': ecsForceDeployment,
  'aws.ecs-scale': ecsScale,
  'aws.lambda-alias-rollback': lambdaAliasRollback,
  'aws.codedeploy-rollback': codedeployRollback,
  'aws.asg-set-capacity': asgSetCapacity,
  'aws.asg-instance-refresh': asgInstanceRefresh,
  'aws.asg-instance-refresh-cancel': asgInstanceRefreshCancel,
  'aws.ec2-reboot': ec2Reboot,
  'aws.rds-failover': rdsFailover,
  'aws.ssm-run': ssmRun,
  'azure.containerapp-shift-traffic': containerAppShiftTraffic,
  'azure.containerapp-rollback-template': containerAppRollbackTemplate,
  'azure.webapp-swap-slot': webAppSwapSlot,
  'azure.webapp-restart': webAppRestart,
  'azure.vmss-scale': vmssScale,
  'azure.vmss-reimage': vmssReimage,
  'azure.vm-restart': vmRestart,
  'azure.sql-failover': sqlFailover,
  'gcp.run-shift-traffic': runShiftTraffic,
  'gcp.run-scale': runScale,
  'gcp.mig-resize': migResize,
  'gcp.mig-rollback': migRollback,
  'gcp.mig-recreate-instances': migRecreateInstances,
  'gcp.deploy-rollback': deployRollback,
  'gcp.gce-reset': gceReset,
  'gcp.sql-failover': gcpSqlFailover,
  'kubernetes.argo-rollback': argoRollback,
  'kubernetes.argo-suspend-sync': argoSuspendSync,
  'kubernetes.flux-suspend': fluxSuspend,
  'kubernetes.helm-rollback': helmRollback,
};

export { sudoersLine } from './host/remote/sudoers.ts';
export { defineAction } from './define-action.ts';
