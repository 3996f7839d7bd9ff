/** Stops the run at once, and says what to do, when there is no Chromium. */
import { existsSync } from 'node:fs';
import { chromiumPath } from './chromium-path.ts';

export default function requireChromium(): void {
  if (existsSync(chromiumPath)) return;
  throw new Error(
    `The browser tests need Chromium, and there is none at ${chromiumPath}. ` +
      'Install it (Debian: apt-get install chromium), or set CHROMIUM_PATH to its executable.',
  );
}
