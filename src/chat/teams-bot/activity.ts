import type { Json, JsonObject } from '../../lib/json.ts';

/** What is used of an activity (Bot Framework, Activity schema). Whatever is not of the expected shape reads as empty. */
export interface Activity {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly channelId: string;
  readonly serviceUrl: string;
  readonly atMs: number;
  /** The conversation without the thread in it. */
  readonly conversation: string;
  /** As it came: where a reply goes. */
  readonly replyTo: string;
  readonly personal: boolean;
  /** Every tenant it names. */
  readonly tenants: readonly string[];
  readonly person: string;
  /** Without mentions. */
  readonly text: string;
  readonly value: Json | undefined;
}

const mostChars = 2_000;

/** Reads the body of a request; `undefined` when it is no JSON object. */
export function readActivity(body: Uint8Array): Activity | undefined {
  let said: JsonObject;
  try {
    said = objectAt(JSON.parse(new TextDecoder().decode(body)) as Json);
  } catch {
    return undefined;
  }
  if (textAt(said, 'type') === '') return undefined;
  const conversation = objectAt(said['conversation']);
  const from = objectAt(said['from']);
  const tenants = [
    objectAt(objectAt(said['channelData'])['tenant'])['id'],
    conversation['tenantId'],
    from['tenantId'],
  ].filter((tenant) => tenant !== undefined && tenant !== null);
  return {
    type: textAt(said, 'type'),
    id: textAt(said, 'id'),
    name: textAt(said, 'name'),
    channelId: textAt(said, 'channelId'),
    serviceUrl: textAt(said, 'serviceUrl'),
    atMs: Date.parse(textAt(said, 'timestamp')),
    conversation: textAt(conversation, 'id').replace(/;messageid=.*$/s, ''),
    replyTo: textAt(conversation, 'id'),
    personal: conversation['conversationType'] === 'personal',
    tenants: tenants.map((tenant) => (typeof tenant === 'string' ? tenant : '')),
    person: textAt(from, 'aadObjectId'),
    text: wordsOf(textAt(said, 'text')),
    value: said['value'],
  };
}

// In a channel the bot is mentioned first: "<at>Watchkeeper</at> status".
function wordsOf(text: string): string {
  return text
    .slice(0, mostChars)
    .replace(/<at>[^<]*<\/at>|&nbsp;/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** A member that should be text. */
export function textAt(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

/** A value that should be an object. */
export function objectAt(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
