import type { Channel, Notice } from '../domain/ports/channel.ts';

/** A channel whose notices say where the page shows what they are about, under the address by which browsers reach it. */
export function linkedChannel(channel: Channel, publicUrl: string | undefined): Channel {
  if (publicUrl === undefined) return channel;
  return {
    ...channel,
    post: (notice, ...rest) => channel.post({ ...notice, page: pageOf(notice, publicUrl) }, ...rest),
  };
}

function pageOf({ incident }: Notice, publicUrl: string): string {
  const root = publicUrl.replace(/\/+$/, '');
  return incident === undefined ? `${root}/` : `${root}/incidents/${encodeURIComponent(incident.id)}`;
}
