/** `npm run audit`: see `--help`. The image has the same as `node dist/audit.js`. */
import '../src/audit.ts';
