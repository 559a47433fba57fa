import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { oneLine } from '../../lib/text.ts';
import type { AwsCall, AwsSession } from '../../domain/ports/aws.ts';

/** A command document as a hand sees it: which version would run, and what it takes. */
export interface CommandDocument {
  readonly version: string;
  /** SHA-256 of its content; empty where AWS does not tell it. */
  readonly hash: string;
  readonly takes: readonly { readonly name: string; readonly required: boolean }[];
}

const described = z.object({
  Document: z.object({
    Status: z.string().default('Active'),
    DocumentType: z.string().default('Command'),
    DocumentVersion: z.string().default('1'),
    Hash: z.string().nullish(),
    HashType: z.string().nullish(),
    Parameters: z.array(z.object({ Name: z.string(), DefaultValue: z.string().nullish() })).default([]),
  }),
});
const listed = z.object({
  Commands: z
    .array(z.object({ CommandId: z.string(), Comment: z.string().nullish(), Status: z.string().default('') }))
    .default([]),
  NextToken: z.string().nullish(),
});
const invoked = z.object({ Status: z.string().default(''), ResponseCode: z.number().nullish() });

/** Looks at a document. @throws `not-found`, `conflict` when it cannot be run as a command. */
export async function readDocument(session: AwsSession, name: string, signal: AbortSignal): Promise<CommandDocument> {
  const call = { service: 'ssm', operation: 'DescribeDocument', input: { Name: name } } as const;
  const { Document: found } = described.parse(await session.ask(call, signal));
  if (found.Status !== 'Active' || found.DocumentType !== 'Command')
    throw new WatchkeeperError('conflict', `document ${name} is ${oneLine(found.Status, 40)}, and no command to run`);
  return {
    version: found.DocumentVersion,
    hash: found.HashType === 'Sha256' ? (found.Hash ?? '') : '',
    takes: found.Parameters.map(({ Name, DefaultValue }) => ({
      ...{ name: Name, required: DefaultValue === undefined || DefaultValue === null },
    })),
  };
}

/** One command that was sent. */
export interface Sent {
  readonly id: string;
  readonly status: string;
}

// Commands of one instance, the newest first; an act that is asked about is not old.
const pages = 3;

/** The command that was sent to the instance under this comment, of those of late. */
export async function sentAs(
  session: AwsSession,
  instance: string,
  comment: string,
  signal: AbortSignal,
): Promise<Sent | undefined> {
  let next: string | undefined;
  for (let page = 0; page < pages; page++) {
    const input = { InstanceId: instance, MaxResults: 50, ...(next === undefined ? {} : { NextToken: next }) };
    const { Commands, NextToken } = listed.parse(
      await session.ask({ service: 'ssm', operation: 'ListCommands', input }, signal),
    );
    const found = Commands.find(({ Comment }) => Comment === comment);
    if (found !== undefined) return { id: found.CommandId, status: found.Status };
    next = NextToken ?? undefined;
    if (next === undefined) break;
  }
  return undefined;
}

/** Sends it, once. @returns the command's id. */
export async function send(session: AwsSession, input: AwsCall['input'], signal: AbortSignal): Promise<string> {
  const answer = await session.ask({ service: 'ssm', operation: 'SendCommand', input }, signal);
  return z.object({ Command: z.object({ CommandId: z.string() }) }).parse(answer).Command.CommandId;
}

/** How far a command is on an instance. What it wrote is not read: its output is anybody's text. */
export async function statusOf(
  session: AwsSession,
  id: string,
  instance: string,
  signal: AbortSignal,
): Promise<{ readonly status: string; readonly code: number | undefined }> {
  const input = { CommandId: id, InstanceId: instance };
  try {
    const answer = await session.ask({ service: 'ssm', operation: 'GetCommandInvocation', input }, signal);
    const { Status, ResponseCode } = invoked.parse(answer);
    return { status: Status, code: ResponseCode ?? undefined };
  } catch (thrown) {
    // It is not there at once.
    if (WatchkeeperError.from(thrown).code === 'not-found') return { status: 'Pending', code: undefined };
    throw thrown;
  }
}
