import type { Draw } from './draw.ts';

/** How much of its height something has `k` minutes after it began. */
export type Course = (k: number) => number;

/**
 * What a service's healthy deploys do, as a family: what is drawn once is the service's own, what is drawn again for each
 * deploy is how its deploys differ.
 */
export type TransientFamily = (service: Draw) => (deploy: Draw) => Course;

const nothing: Course = () => 0;
const bump = (k: number, at: number, width: number): number => Math.exp(-(((k - at) / width) ** 2));

/** Harmless courses after a deploy, by name. */
export const transients: Readonly<Record<string, TransientFamily>> = {
  'no-op': () => () => nothing,
  'warm-up': (service) => {
    const tau = service.between(2, 6);
    return (deploy) => {
      const own = tau * deploy.between(0.8, 1.2);
      return (k) => Math.exp(-k / own);
    };
  },
  'long warm-up': (service) => {
    const tau = service.between(12, 30);
    return (deploy) => {
      const own = tau * deploy.between(0.85, 1.15);
      return (k) => Math.exp(-k / own);
    };
  },
  'two humps': (service) => {
    const tau = service.between(1.5, 4);
    const at = service.between(8, 25);
    const width = service.between(2, 5);
    const height = service.between(0.5, 1);
    return (deploy) => {
      const own = at * deploy.between(0.92, 1.08);
      return (k) => Math.exp(-k / tau) + height * bump(k, own, width);
    };
  },
  delayed: (service) => {
    const wait = service.between(3, 12);
    const tau = service.between(3, 8);
    return (deploy) => {
      const from = Math.round(wait * deploy.between(0.9, 1.1));
      return (k) => (k < from ? 0 : Math.exp(-(k - from) / tau));
    };
  },
  plateau: (service) => {
    const length = service.logBetween(5, 40);
    return (deploy) => {
      const until = length * deploy.between(0.9, 1.1);
      return (k) => (k < until ? 1 : Math.exp((until - k) / 1.5));
    };
  },
  'late plateau': (service) => {
    const wait = service.between(3, 12);
    const length = service.logBetween(5, 25);
    return (deploy) => {
      const from = Math.round(wait * deploy.between(0.9, 1.1));
      const until = from + length * deploy.between(0.9, 1.1);
      return (k) => (k < from ? 0 : k < until ? 1 : Math.exp((until - k) / 1.5));
    };
  },
  // Something that empties long after the start, a cache with a lifetime, say.
  echo: (service) => {
    const tau = service.between(1.5, 5);
    const after = service.between(25, 60);
    const height = service.between(0.6, 1.2);
    return (deploy) => {
      const second = Math.round(after * deploy.between(0.95, 1.05));
      return (k) => Math.exp(-k / tau) + (k < second ? 0 : height * Math.exp((second - k) / tau));
    };
  },
  stairs: (service) => {
    const every = service.between(4, 14);
    return (deploy) => {
      const own = every * deploy.between(0.85, 1.15);
      return (k) => [1, 0.6, 0.3][Math.floor(k / own)] ?? 0;
    };
  },
  'saw-tooth': (service) => {
    const batches = service.whole(3, 6);
    const every = service.whole(2, 5);
    return (deploy) => {
      const tau = deploy.between(0.8, 1.6);
      return (k) => {
        const last = Math.min(batches - 1, Math.floor(k / every));
        return Math.exp(-(k - last * every) / tau);
      };
    };
  },
  'reconnect burst': () => (deploy) => {
    const length = deploy.whole(1, 2);
    return (k) => (k < length ? 1 : 0);
  },
  'slow fade': (service) => {
    const length = service.between(20, 60);
    return (deploy) => {
      const until = length * deploy.between(0.85, 1.15);
      return (k) => Math.max(0, 1 - k / until);
    };
  },
  uneven: (service) => {
    const tau = service.between(3, 8);
    return (deploy) => {
      const own = tau * deploy.logBetween(0.5, 2);
      const height = deploy.logBetween(0.4, 1.8);
      return (k) => height * Math.exp(-k / own);
    };
  },
  'now and then': (service) => {
    const length = service.between(4, 12);
    return (deploy) => (deploy.chance(0.5) ? nothing : (k) => (k < length ? 1 : Math.exp((length - k) / 2)));
  },
};
