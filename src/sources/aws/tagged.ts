import * as z from 'zod';

import type { AwsCall, AwsReader } from '../../domain/ports/aws.ts';
import { faultOfError, type ReadFault } from '../../io/clients/http-reader.ts';
import { limits } from '../../lib/limits.ts';
import type { AwsConfig } from './schema.ts';
import { cornerName, cornersOf, type Corner } from './watched.ts';

/** A resource that bears the tag. */
export interface Tagged {
  readonly corner: Corner;
  readonly arn: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What bears the tag, and which lists of which corners could not be read to their end. */
export interface TaggedLook {
  readonly found: readonly Tagged[];
  readonly faults: readonly ReadFault[];
}

/** Lists what bears the tag. */
export interface TagReader {
  /** @throws what the first list threw, when none could be read. */
  look(signal: AbortSignal): Promise<TaggedLook>;
}

const pagesRead = limits.awsPages * 5;
const perPage = 100;
// Of a list that is too long it is not known what has gone: what was read last is kept, and not for ever all that was.
const mostKept = 2 * pagesRead * perPage;
const pairs = z.array(z.object({ Key: z.string(), Value: z.string().nullish() })).default([]);
type Pairs = z.infer<typeof pairs>;
type Page = { readonly found: readonly Omit<Tagged, 'corner'>[]; readonly next: string | undefined };

/** One API that lists by tag, a page at a time. */
interface TagList {
  readonly what: string;
  call(tag: string, next: string | undefined): Pick<AwsCall, 'service' | 'operation' | 'input'>;
  read(answer: unknown): Page;
}

const resources = z.object({
  ResourceTagMappingList: z.array(z.object({ ResourceARN: z.string(), Tags: pairs })).default([]),
  PaginationToken: z.string().nullish(),
});
const groups = z.object({
  AutoScalingGroups: z.array(z.object({ AutoScalingGroupARN: z.string(), Tags: pairs })).default([]),
  NextToken: z.string().nullish(),
});

const lists: readonly TagList[] = [
  {
    what: 'resources',
    call: (tag, next) => ({
      ...{ service: 'tagging', operation: 'GetResources' },
      input: {
        TagFilters: [{ Key: tag }],
        ResourcesPerPage: perPage,
        ...(next === undefined ? {} : { PaginationToken: next }),
      },
    }),
    read: (answer) => {
      const { ResourceTagMappingList: list, PaginationToken } = resources.parse(answer);
      return {
        found: list.map(({ ResourceARN: arn, Tags }) => ({ arn, tags: tagsOf(Tags) })),
        next: PaginationToken || undefined,
      };
    },
  },
  {
    // GetResources does not know them.
    what: 'Auto Scaling groups',
    call: (tag, next) => ({
      ...{ service: 'autoscaling', operation: 'DescribeAutoScalingGroups' },
      input: {
        Filters: [{ Name: 'tag-key', Values: [tag] }],
        MaxRecords: perPage,
        ...(next === undefined ? {} : { NextToken: next }),
      },
    }),
    read: (answer) => {
      const { AutoScalingGroups: list, NextToken } = groups.parse(answer);
      return {
        found: list.map(({ AutoScalingGroupARN: arn, Tags }) => ({ arn, tags: tagsOf(Tags) })),
        next: NextToken || undefined,
      };
    },
  },
];

/**
 * Makes it. Each list of each corner stands for itself: one that cannot be read, or not to its end, keeps what it had
 * before, for half a catalog would end services; and the others are what they are.
 */
export function createTagReader(config: AwsConfig, reader: AwsReader): TagReader {
  const known = new Map<string, ReadonlyMap<string, Tagged>>();
  const lookAt = async (corner: Corner, list: TagList, signal: AbortSignal): Promise<ListLook> => {
    const key = `${cornerName(corner)} ${list.what}`;
    const before = known.get(key);
    const all = new Map<string, Tagged>();
    const where = `${list.what} with the tag ${config.tag} in ${cornerName(corner)}`;
    const kept = (fault: ReadFault, thrown?: unknown): ListLook => {
      const older = [...(before ?? [])].filter(([arn]) => !all.has(arn));
      const together = new Map([...older, ...all].slice(-mostKept));
      // What was read of it is known as well, but a list that never answered is not known to be empty.
      if (before !== undefined || all.size > 0) known.set(key, together);
      return { found: [...together.values()], fault, ...(thrown === undefined ? {} : { thrown }) };
    };
    try {
      let next: string | undefined;
      for (let pages = 0; pages < pagesRead; pages++) {
        const page = list.read(await reader.ask({ ...corner, ...list.call(config.tag, next) }, signal));
        for (const one of page.found) all.set(one.arn, { corner, ...one });
        next = page.next;
        if (next === undefined) break;
      }
      if (next !== undefined) return kept({ reason: 'partial', message: `there are more than ${all.size} ${where}` });
      known.set(key, all);
      return { found: [...all.values()] };
    } catch (thrown) {
      const fault = faultOfError(thrown);
      return kept({ ...fault, message: `${where}: ${fault.message}` }, thrown);
    }
  };
  return {
    look: async (signal) => {
      const corners = cornersOf(config);
      const looks = await Promise.all(corners.flatMap((corner) => lists.map((list) => lookAt(corner, list, signal))));
      if (looks.every((one) => 'thrown' in one)) throw looks[0]?.thrown;
      return { found: looks.flatMap(({ found }) => found), faults: looks.flatMap(({ fault }) => fault ?? []) };
    },
  };
}

interface ListLook {
  readonly found: readonly Tagged[];
  readonly fault?: ReadFault;
  /** It could not be read. */
  readonly thrown?: unknown;
}

function tagsOf(tags: Pairs): Readonly<Record<string, string>> {
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value ?? '']));
}
