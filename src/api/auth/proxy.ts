import { BlockList, isIP } from 'node:net';

import { WatchkeeperError } from '../../lib/errors.ts';
import { groupsFrom, nameFrom, roleFrom, type Identity, type Presented, type RoleRule } from './identity.ts';

/** A proxy that has authenticated whom it sends, and says so in headers. */
export interface ProxySettings {
  /** Addresses or CIDR ranges of the proxy. */
  readonly from: readonly string[];
  readonly userHeader: string;
  readonly groupsHeader: string;
  readonly roles: readonly RoleRule[];
}

/** Whether an address is one of those listed. An IPv4 address that comes in over IPv6 is the same address. */
export function addresses(list: readonly string[]): (address: string | undefined) => boolean {
  const listed = new BlockList();
  for (const one of list) {
    const [address = '', bits] = one.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) listed.addAddress(address, family);
    else listed.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    const plain = address?.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '') ?? '';
    const family = isIP(plain);
    return family !== 0 && listed.check(plain, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/**
 * Whom the proxy vouches for; `undefined` when the request carries no such header.
 *
 * @throws `forbidden` when anybody else sends the header: that is a forgery, or a hole in the network.
 */
export function proxyIdentity(settings: ProxySettings): (presented: Presented) => Identity | undefined {
  const isProxy = addresses(settings.from);
  return ({ header, peer }) => {
    const user = header(settings.userHeader);
    if (user === undefined && header(settings.groupsHeader) === undefined) return undefined;
    if (!isProxy(peer))
      throw new WatchkeeperError(
        'forbidden',
        `only the proxy may say who is asking; ${peer ?? 'this peer'} is not it`,
        {
          fix: 'Reach the daemon through the proxy, or name its address in http.proxy.from.',
        },
      );
    const name = nameFrom(user);
    if (name === undefined) throw new WatchkeeperError('unauthorized', 'the proxy names nobody');
    const groups = groupsFrom((header(settings.groupsHeader) ?? '').split(',').map((one) => one.trim()));
    const id = `proxy:${name}`;
    return { principal: { id, groups }, role: roleFrom(id, groups, settings.roles), via: 'proxy' };
  };
}
