import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext, ActionResult, AwsAccess, Probe } from '../../domain/ports/action.ts';
import type { AwsCall, AwsSession } from '../../domain/ports/aws.ts';
import type { Observation } from '../../domain/remediation.ts';
import { defineAction } from '../define-action.ts';
import { writeFault } from '../faults.ts';
import { createOnce } from '../once.ts';
import { until } from '../until.ts';
import { actSession, lookSession, placeOf, targetOf, type PlaceOf } from './place.ts';
import { readDocument, send, sentAs, statusOf, type CommandDocument } from './ssm.ts';

/** Documents that run whatever text they are given: nobody can allow these (I12). */
const runAnything: ReadonlySet<string> = new Set([
  ...['AWS-RunShellScript', 'AWS-RunPowerShellScript', 'AWS-RunRemoteScript', 'AWS-RunDocument'],
  ...['AWS-RunSaltState', 'AWS-RunAnsiblePlaybook', 'AWS-ApplyAnsiblePlaybooks', 'AWS-ApplyChefRecipes'],
  ...['AWS-InstallPowerShellModule', 'AWS-InstallApplication', 'AWS-ApplyDSCMofs', 'AWS-RunDockerAction'],
]);
const documentName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{3,128}$/, 'must be the name of a document')
  .refine((name) => !runAnything.has(name), 'this document runs any text as a command: it is never used');
// No blank, no quote, nothing that a shell reads: a document may put its parameters into a script.
const word = z.string().regex(/^[A-Za-z0-9_.:/@%+=,-]{1,200}$/, 'must be a word of letters, digits and _.:/@%+=,-');
const params = z.strictObject({
  document: documentName,
  parameters: z
    .record(z.string().regex(/^[A-Za-z0-9_]{1,64}$/, 'must be the name of a parameter'), z.array(word).min(1).max(20))
    .refine((all) => Object.keys(all).length <= 20, 'at most 20 parameters')
    .default({}),
});
type Params = z.infer<typeof params>;
const kind = 'aws.ssm-run';
const beforeShape = z.strictObject({ version: z.string(), hash: z.string() });
const once = createOnce();

/** Runs one document of Systems Manager that watchkeeper.yaml allows on one instance, in the version that was looked at. */
export const ssmRun = defineAction<Params>({
  kind,
  summary: 'Run an allow-listed command document of Systems Manager on an EC2 instance',
  // What a document does is not known to us, so the worst is assumed.
  traits: { reversible: false, idempotent: false, destructive: true, scope: 'host' },
  params: schemaOf(params),
  needs: [
    'in AWS, the calls that "watchkeeper permissions aws" prints for it',
    'the document in operators.aws[].documents of watchkeeper.yaml',
  ],
  awsAccess: (service, written) => accessTo(placeOf(service, 'instance'), documentName.parse(written['document'])),
  target: (_given, service) => targetOf(placeOf(service, 'instance'), service),
  observe,
  preview: ({ document, parameters }, { facts, target }) => {
    if (typeof facts['refused'] === 'string') throw new WatchkeeperError('conflict', facts['refused']);
    const given = Object.entries(parameters).map(([name, values]) => `${name}=${values.join(' ')}`);
    const what = `${document} (version ${textOf(facts['version'])})${given.length === 0 ? '' : ` with ${given.join(', ')}`}`;
    return { describe: `run ${what} on ${target.id}`, diff: [`${target.id}: run ${what}`] };
  },
  before: (_given, { facts }) => ({ version: textOf(facts['version']), hash: textOf(facts['hash']) }),
  run: (given, before, key, context) => once(key, () => run(given, beforeShape.parse(before), key, context)),
  probe,
});

function accessTo({ region, resource: { id } }: PlaceOf<'instance'>, document: string): AwsAccess {
  // Those of AWS itself bear no account.
  const owner = /^(AWS|Amazon)/.test(document) ? '' : '{account}';
  const arn = `arn:{partition}:ssm:${region}:${owner}:document/${document}`;
  return {
    look: [
      { actions: ['ssm:DescribeDocument'], resources: [arn] },
      // These know no resource.
      { actions: ['ssm:GetCommandInvocation', 'ssm:ListCommands'], resources: ['*'] },
    ],
    act: [{ actions: ['ssm:SendCommand'], resources: [arn, `arn:{partition}:ec2:${region}:{account}:instance/${id}`] }],
  };
}

async function observe({ document, parameters }: Params, context: ActionContext): Promise<Observation> {
  const place = placeOf(context.service, 'instance');
  const session = await lookSession(place, accessTo(place, document), context);
  admitted(session, document);
  const found = await readDocument(session, document, context.signal);
  const refused = misfit(document, parameters, found);
  const target = targetOf(place, context.service);
  const { version, hash } = found;
  return {
    ...{ target, atMs: context.io.clock.nowMs(), stateHash: digest([target.id, document, version, hash]) },
    facts: { document, version, hash, ...(refused === undefined ? {} : { refused }) },
    blast: { touched: 1, total: 1, healthyAfter: 0, targets: [place.resource.id], dependents: [] },
  };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function admitted({ documents }: AwsSession, document: string): void {
  if (documents.includes(document)) return;
  throw new WatchkeeperError('forbidden', `watchkeeper.yaml does not allow the document ${document} to be run`, {
    fix: `Name ${document} in operators.aws[].documents, if everything that it does may be done.`,
  });
}

function misfit(document: string, parameters: Params['parameters'], { takes }: CommandDocument): string | undefined {
  const names = new Set(takes.map(({ name }) => name));
  const unknown = Object.keys(parameters).find((name) => !names.has(name));
  if (unknown !== undefined) return `${document} takes no parameter ${unknown}`;
  const missing = takes.find(({ name, required }) => required && parameters[name] === undefined);
  return missing === undefined ? undefined : `${document} needs the parameter ${missing.name}`;
}

// SSM keeps a hundred characters of it; a key is unique in far fewer.
function commentOf(key: string): string {
  return `watchkeeper ${key}`.slice(0, 100);
}

async function run(
  { document, parameters }: Params,
  { version, hash }: z.infer<typeof beforeShape>,
  key: string,
  context: ActionContext,
): Promise<ActionResult> {
  const place = placeOf(context.service, 'instance');
  const { id: instance } = place.resource;
  let session: AwsSession;
  let known: string | undefined;
  try {
    session = await actSession(place, accessTo(place, document), key, context);
    admitted(session, document);
    known = (await sentAs(session, instance, commentOf(key), context.signal))?.id;
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    return { is: 'failed', message: `nothing was done: ${WatchkeeperError.from(thrown).message}` };
  }
  let id: string;
  try {
    id = known ?? (await send(session, commandOf(), context.signal));
  } catch (thrown) {
    return writeFault(thrown);
  }
  try {
    return await until(context, limits.awsPollMs, async () => {
      const { status, code } = await statusOf(session, id, instance, context.signal);
      const message = `${document} on ${instance} is ${status}${code === undefined || code < 0 ? '' : `, with code ${code}`}`;
      if (status === 'Success') return { is: 'done', message };
      return { is: ['Failed', 'Cancelled', 'TimedOut'].includes(status) ? 'failed' : 'under-way', message };
    });
  } catch (thrown) {
    return { is: 'unknown', message: `${document} was sent: ${WatchkeeperError.from(thrown).message}` };
  }

  function commandOf(): AwsCall['input'] {
    return {
      ...{ DocumentName: document, DocumentVersion: version, InstanceIds: [instance], Parameters: parameters },
      // AWS refuses it when the document is another one than was looked at.
      ...(hash === '' ? {} : { DocumentHash: hash, DocumentHashType: 'Sha256' }),
      ...{ Comment: commentOf(key), MaxConcurrency: '1', MaxErrors: '0', TimeoutSeconds: 60 },
    };
  }
}

async function probe({ document }: Params, _before: Json, context: ActionContext, key: string): Promise<Probe> {
  const place = placeOf(context.service, 'instance');
  const session = await lookSession(place, accessTo(place, document), context);
  const sent = await sentAs(session, place.resource.id, commentOf(key), context.signal);
  if (sent === undefined) return { is: 'not-done', because: 'no command of this act is listed' };
  return { is: 'done', because: `command ${sent.id} is ${sent.status}` };
}
