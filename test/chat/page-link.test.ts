import { describe, expect, it } from 'vitest';

import { linkedChannel } from '../../src/agent/linked-channel.ts';
import { teamsMessage } from '../../src/chat/adaptive-card.ts';
import { pagerDutyEvent } from '../../src/chat/pagerduty/event.ts';
import { renderNotice } from '../../src/chat/index.ts';
import { card } from '../../src/chat/slack/card.ts';
import type { Channel, Notice } from '../../src/domain/ports/channel.ts';
import { consentNeeded } from './notices.ts';

const never = new AbortController().signal;

async function told(publicUrl: string | undefined, notice: Notice): Promise<Notice> {
  const posted: Notice[] = [];
  const channel: Channel = {
    id: 'c',
    kind: 'c',
    traits: { approvals: false, threads: false, edits: false },
    post: (one) => {
      posted.push(one);
      return Promise.resolve({ is: 'accepted' });
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  await linkedChannel(channel, publicUrl).post(notice, 'there', never);
  return posted[0]!;
}

describe('the way from a message to the page', () => {
  it('is the incident, under the address by which browsers reach the daemon', async () => {
    expect((await told('https://watch.example.com/', consentNeeded)).page).toBe(
      'https://watch.example.com/incidents/inc-7',
    );
    const { incident: _, ...unwell } = consentNeeded;
    expect((await told('https://watch.example.com', unwell)).page).toBe('https://watch.example.com/');
  });

  it('cannot be led elsewhere by an incident with a hostile id', async () => {
    const hostile = { ...consentNeeded, incident: { ...consentNeeded.incident!, id: '../../x?y#z|<@U1>' } };
    const { page } = await told('https://watch.example.com', hostile);
    expect(page).toBe('https://watch.example.com/incidents/..%2F..%2Fx%3Fy%23z%7C%3C%40U1%3E');
  });

  it('is not made up where nobody said how browsers reach the daemon', async () => {
    const notice = await told(undefined, consentNeeded);
    expect(notice.page).toBeUndefined();
    expect(JSON.stringify([card(notice), teamsMessage(notice), pagerDutyEvent(notice, 'wk')])).not.toContain(
      'http://w',
    );
  });

  it('stands in plain text, on the cards of Slack and Teams, and in PagerDuty', async () => {
    const notice = await told('https://watch.example.com', consentNeeded);
    const page = 'https://watch.example.com/incidents/inc-7';
    expect(renderNotice(notice)).toContain(`On the page: ${page}`);
    expect(card(notice).blocks.at(-1)).toEqual({
      type: 'context',
      elements: [{ type: 'mrkdwn', text: `<${page}|Open on the page>` }],
    });
    expect(teamsMessage(notice)).toMatchObject({
      attachments: [
        { content: { actions: [{ type: 'Action.OpenUrl', title: 'Approve or deny on the page', url: page }] } },
      ],
    });
    expect(pagerDutyEvent(notice, 'wk').body).toMatchObject({ client_url: page, links: [{ href: page }] });
  });
});
