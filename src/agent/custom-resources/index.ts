/**
 * # Documents as custom resources
 *
 * What people write with kubectl is read by a watch (`collection`), turned into a document (`document`: outside the platform
 * team's namespaces it is about its own namespace only), checked with the files as one set (`../load/fed.ts`), and answered
 * in its status (`status`). The loader asks the feed where it asks the files, so reloading, last good sets and what stops the
 * hand are the same.
 */
export { connectFeed, type FeedIo } from './connect.ts';
