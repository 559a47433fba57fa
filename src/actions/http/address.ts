import { BlockList, isIP } from 'node:net';

// Where clouds answer with credentials, and addresses that name no host. Never, whatever is listed.
const never = new BlockList();
never.addSubnet('169.254.0.0', 16, 'ipv4');
never.addSubnet('0.0.0.0', 8, 'ipv4');
never.addSubnet('224.0.0.0', 3, 'ipv4');
never.addAddress('100.100.100.200', 'ipv4');
never.addAddress('168.63.129.16', 'ipv4');
never.addSubnet('fe80::', 10, 'ipv6');
never.addSubnet('ff00::', 8, 'ipv6');
never.addAddress('::', 'ipv6');
never.addSubnet('fd00:ec2::', 32, 'ipv6');
never.addAddress('fd20:ce::254', 'ipv6');

const inside = new BlockList();
inside.addSubnet('127.0.0.0', 8, 'ipv4');
inside.addSubnet('10.0.0.0', 8, 'ipv4');
inside.addSubnet('172.16.0.0', 12, 'ipv4');
inside.addSubnet('192.168.0.0', 16, 'ipv4');
inside.addSubnet('100.64.0.0', 10, 'ipv4');
inside.addSubnet('192.0.0.0', 24, 'ipv4');
inside.addSubnet('198.18.0.0', 15, 'ipv4');
inside.addAddress('::1', 'ipv6');
inside.addSubnet('fc00::', 7, 'ipv6');

/** `never`: link-local, metadata, multicast, no host. `private`: loopback and private networks. `name`: not an address. */
export type AddressClass = 'never' | 'private' | 'public' | 'name';

/** Classes a URL's hostname or a resolved address. IPv4 inside IPv6 (mapped, NAT64, 6to4) is classed as the IPv4 it is. */
export function classOf(hostname: string): AddressClass {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const family = isIP(bare);
  if (family === 0) return bare === 'localhost' || bare.endsWith('.localhost') ? 'private' : 'name';
  const address = family === 6 ? (embedded(bare) ?? bare) : bare;
  const kind = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (never.check(address, kind)) return 'never';
  return inside.check(address, kind) ? 'private' : 'public';
}

// The URL parser writes IPv6 in its one canonical form, so that the prefixes can be read off its groups.
function embedded(address: string): string | undefined {
  const groups = expand(address);
  if (groups === undefined) return undefined;
  const zeros = (from: number, to: number): boolean => groups.slice(from, to).every((group) => group === 0);
  const mapped = zeros(0, 5) && (groups[5] === 0xffff || (groups[5] === 0 && (groups[6] ?? 0) > 0));
  const nat64 = groups[0] === 0x64 && groups[1] === 0xff9b && zeros(2, 6);
  if (mapped || nat64) return dotted(groups[6] ?? 0, groups[7] ?? 0);
  return groups[0] === 0x2002 ? dotted(groups[1] ?? 0, groups[2] ?? 0) : undefined;
}

function expand(address: string): readonly number[] | undefined {
  const url = `http://[${address}]/`;
  if (!URL.canParse(url)) return undefined;
  const [head = '', tail] = new URL(url).hostname.slice(1, -1).split('::');
  const read = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [read(head), read(tail ?? '')];
  return tail === undefined
    ? first
    : [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
