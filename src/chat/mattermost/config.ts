import type { SecretRef } from '../../domain/ports/io.ts';

/**
 * # mattermost: one live post an incident, and answers by button
 *
 * The first notice is a post; later ones edit it and stand in its thread. Presses come back to `/hooks/ID` of the daemon with
 * the context we signed, commands with the token Mattermost gave the slash command.
 */
export interface MattermostConfig {
  readonly url: string;
  readonly token: SecretRef;
  /** Address → channel id. */
  readonly conversations: Readonly<Record<string, string>>;
  /** Where Mattermost reaches the daemon: buttons are shown only with it. */
  readonly callback?: string;
  /** Signs the buttons. */
  readonly secret?: SecretRef;
  /** What Mattermost gave the slash command. */
  readonly commandToken?: SecretRef;
  readonly operators: readonly string[];
}
