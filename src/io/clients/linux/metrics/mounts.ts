import { gapMessage, gapReason, malformed, readText, within } from '../reading.ts';
import type { Point, Problem, ReadContext, Reading } from '../reading.ts';
import { point } from './kernel.ts';

/** One mount that can fill up. */
export interface Mount {
  readonly mount: string;
  readonly device: string;
  readonly type: string;
  readonly network: boolean;
}

const pseudo: ReadonlySet<string> = new Set(
  (
    'autofs binder binfmt_misc bpf cgroup cgroup2 configfs cramfs debugfs devpts devtmpfs efivarfs erofs fuse.gvfsd-fuse fuse.lxcfs ' +
    'fuse.portal fuse.snapfuse fusectl hugetlbfs iso9660 mqueue nsfs overlay proc pstore ramfs resctrl rpc_pipefs ' +
    'securityfs selinuxfs squashfs sysfs tracefs udf nfsd fuse.archivemount fuse.sshfs-ro'
  ).split(' '),
);
const networked = /^(nfs|cifs|smb|9p|ceph|glusterfs|lustre|afs|fuse\.(sshfs|ceph|glusterfs|s3fs|gcsfuse|rclone))/;
const neverFull =
  /^\/(proc|sys|dev\/pts|run\/credentials|run\/user\/\d+\/doc|snap|var\/lib\/(docker|containers|kubelet\/pods))(\/|$)/;
const maxMounts = 256;
const statfsDeadlineMs = 1_000;
/** statfs on a dead server holds a thread of libuv's pool for good; never let it hold them all. */
const maxHungCalls = 2;

/**
 * Parses /proc/self/mountinfo into the writable mounts of real filesystems, tmpfs and loop mounts included. One entry a
 * filesystem: of several mounts of one device the shortest path; of several on one path the last, which is on top.
 */
export function parseMountinfo(text: string): readonly Mount[] {
  const onTop = new Map<string, Mount & { readonly key: string; readonly skipped: boolean }>();
  let lines = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , deviceNumber, root, rawMount, options] = before.split(' ');
    const [type, source = '', superOptions = ''] = after.split(' ');
    if (deviceNumber === undefined || root === undefined || rawMount === undefined || type === undefined || type === '')
      continue;
    lines++;
    const mount = unescape(rawMount);
    const readOnly = [options ?? '', superOptions].some((list) => list.split(',').includes('ro'));
    const skipped = readOnly || (pseudo.has(type) && !(type === 'overlay' && mount === '/')) || neverFull.test(mount);
    const device = unescape(source);
    // Every btrfs subvolume has a device number of its own, but all share one disk's space.
    const key = type === 'btrfs' ? device : deviceNumber;
    onTop.set(mount, { mount, device, type, network: networked.test(type), key, skipped });
  }
  if (lines === 0) throw malformed('/proc/self/mountinfo', 'no mount in it');
  const byFilesystem = new Map<string, Mount>();
  for (const { key, skipped, ...mount } of onTop.values()) {
    const known = byFilesystem.get(key);
    if (!skipped && (known === undefined || mount.mount.length < known.mount.length)) byFilesystem.set(key, mount);
  }
  return [...byFilesystem.values()].sort((a, b) => (a.mount < b.mount ? -1 : 1));
}

// The kernel writes space, tab, newline and backslash as three octal digits.
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** Reads space and inodes of every mount. It remembers calls that hang, so that a dead server stalls nothing twice. */
export function createMountReader(exclude: readonly string[]): (context: ReadContext) => Promise<Reading> {
  const hanging = new Set<string>();
  const excluded = (mount: string): boolean =>
    exclude.some((path) => mount === path || mount.startsWith(`${path.replace(/\/$/, '')}/`));
  const readOne = async (context: ReadContext, { mount, type, network }: Mount): Promise<Reading> => {
    if (hanging.has(mount)) return failed(mount, 'timeout', `${mount} (${type}) still does not answer`);
    if (network && hanging.size >= maxHungCalls)
      return failed(mount, 'timeout', `${mount} (${type}) is not asked while ${hanging.size} other mounts hang`);
    try {
      // The call itself gets no deadline: only when it truly ends may this mount be asked again.
      const usage = await within(context.clock, statfsDeadlineMs, context.signal, `statfs ${mount}`, () => {
        hanging.add(mount);
        return context.files
          .diskUsage(context.at(mount), new AbortController().signal)
          .finally(() => hanging.delete(mount));
      });
      return { points: usagePoints(mount, usage), problems: [] };
    } catch (thrown) {
      return failed(mount, gapReason(thrown), gapMessage(thrown, `${mount} (${type})`));
    }
  };
  return async (context) => {
    const path = context.at('/proc') === '/proc' ? '/proc/self/mountinfo' : '/proc/1/mountinfo';
    const mounts = parseMountinfo(await readText(context, path)).filter(({ mount }) => !excluded(mount));
    const parts = await Promise.all(mounts.slice(0, maxMounts).map((mount) => readOne(context, mount)));
    const problems: Problem[] = parts.flatMap((part) => part.problems);
    if (mounts.length > maxMounts)
      problems.push({
        ...problem,
        reason: 'too-large',
        message: `only the first ${maxMounts} of ${mounts.length} mounts are read`,
      });
    return { points: parts.flatMap((part) => part.points), problems };
  };
}

const problem = { metrics: ['disk', 'disk_available', 'inodes'] } as const;

function failed(mount: string, reason: Problem['reason'], message: string): Reading {
  return { points: [], problems: [{ ...problem, labels: { mount }, reason, message }] };
}

interface Usage {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly availableBytes: number;
  readonly totalInodes: number;
  readonly freeInodes: number;
}

// As df counts: what root keeps back is neither used nor available.
function usagePoints(mount: string, usage: Usage): readonly Point[] {
  const points: Point[] = [];
  const used = usage.totalBytes - usage.freeBytes;
  const usable = used + usage.availableBytes;
  if (usable > 0 && used >= 0) {
    points.push(point('disk', used / usable, { mount }));
    points.push(point('disk_available', usage.availableBytes, { mount }));
  }
  if (usage.totalInodes > 0)
    points.push(point('inodes', 1 - Math.min(usage.freeInodes, usage.totalInodes) / usage.totalInodes, { mount }));
  return points;
}
