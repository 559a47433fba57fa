import type { Change } from '../../../../domain/change.ts';
import { digest } from '../../../../lib/canonical.ts';
import type { Container } from '../containers/index.ts';
import type { ChangeWanted } from './releases.ts';

/** The images that containers of one name have run, the newest first. */
export type ContainerState = ReadonlyMap<string, readonly Pick<Container, 'image' | 'imageId'>[]>;

const maxNames = 1_000;
const maxImages = 6;

/**
 * A container of a name that was seen before and runs another image now is a deploy, and a rollback when its image is one that it
 * ran earlier. What is new, or gone, is none: containers come and go for many reasons. Its time is that of the look.
 */
export function readContainerChanges(
  known: ContainerState,
  running: readonly Container[],
  wanted: ChangeWanted,
): { readonly state: ContainerState; readonly changes: readonly Change[] } {
  const state = new Map(known);
  const changes: Change[] = [];
  for (const { name, image, imageId } of running) {
    const images = state.get(name) ?? [];
    const [last] = images;
    if (last?.imageId === imageId) continue;
    state.delete(name);
    state.set(name, [{ image, imageId }, ...images].slice(0, maxImages));
    if (last === undefined) continue;
    const isBack = images.some((one) => one.imageId === imageId);
    changes.push({
      id: digest(['container', wanted.service, name, last.imageId, imageId, wanted.nowMs]),
      ...{ kind: isBack ? 'rollback' : 'deploy', service: wanted.service, atMs: wanted.nowMs },
      ...{ what: `container:${name}`, from: told(last, image), to: told({ image, imageId }, last.image) },
      ...{ source: wanted.source, attributes: { fromImage: last.imageId, toImage: imageId } },
    });
  }
  for (const name of state.keys()) if (state.size > maxNames) state.delete(name);
  return { state, changes };
}

// Under the same tag it is the image's id that tells them apart.
function told({ image, imageId }: Pick<Container, 'image' | 'imageId'>, other: string): string {
  return image === other ? `${image}@${imageId.replace(/^sha256:/, '').slice(0, 12)}` : image;
}
