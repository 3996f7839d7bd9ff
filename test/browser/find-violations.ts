/** What axe-core finds wrong with a page as it is shown: the rule, and the elements. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

export async function findViolations(page: Page): Promise<unknown> {
  await page.evaluate(axe.source);
  return page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))',
  );
}
