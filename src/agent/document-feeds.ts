import { digest } from '../lib/canonical.ts';
import { createSecrets, readFiles, type Environment } from '../io/index.ts';
import type { createScrubber } from '../io/index.ts';
import type { Clock, Log, Random } from '../domain/ports/io.ts';
import { connectFeed } from './custom-resources/index.ts';
import type { Config, DocumentFeed } from './load/index.ts';
import { asJson } from './records.ts';

/** What of the process a feed needs. */
export interface FeedsOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeLog: (config: Config, scrub: ReturnType<typeof createScrubber>) => Log;
  readonly signal: AbortSignal;
}

/** The feeds of a process. */
export interface DocumentFeeds {
  /** The feed that a configuration asks for. The same settings give the same feed, with what it has heard. */
  readonly of: (config: Config) => DocumentFeed | undefined;
  /** Ends what listens, so that a process that did not start can end. */
  readonly end: () => void;
}

/** Makes them; nothing is asked before the first feed is read. */
export function documentFeeds(options: FeedsOptions, scrubber: ReturnType<typeof createScrubber>): DocumentFeeds {
  let known: { readonly of: string; readonly feed: DocumentFeed; readonly end: AbortController } | undefined;
  const feedOf = (config: Config): DocumentFeed | undefined => {
    const { customResources } = config;
    const of = customResources === undefined ? '' : digest(asJson(customResources));
    if (known !== undefined && known.of !== of) {
      known.end.abort();
      known = undefined;
    }
    if (customResources === undefined) return undefined;
    if (known !== undefined) return known.feed;
    const end = new AbortController();
    const signal = AbortSignal.any([options.signal, end.signal]);
    const log = options.makeLog(config, scrubber);
    const secrets = createSecrets(readFiles, options.environment, scrubber);
    const feed = connectFeed({ cluster: 'custom-resources', ...customResources }, { ...options, log, secrets, signal });
    known = { of, feed, end };
    return feed;
  };
  return { of: feedOf, end: () => known?.end.abort() };
}
