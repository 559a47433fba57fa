import type { LogNews } from './log-news.ts';
import { foreignHosts, namedServices, symptomRules } from './rules.ts';
import type { Scene } from './scene.ts';

/**
 * New errors that point away from the service that wrote them: at a dependency, at a host outside, at a certificate or
 * a resolver. They speak for those, and so not for a change of the service itself.
 */
export function outwardNews(scene: Scene): ReadonlySet<LogNews> {
  const names = scene.input.catalog.services.map(({ name }) => name);
  const own = new Set(names);
  return new Set(
    scene.news.filter(
      (news) =>
        namedServices(news, names).length > 0 ||
        foreignHosts(news, own).length > 0 ||
        symptomRules.some((rule) => rule.cause === 'external' && rule.pattern.test(news.text)),
    ),
  );
}
