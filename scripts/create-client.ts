/** `npm run create-client`: see `--help`. The image has the same as `node dist/create-client.js`. */
import '../src/create-client.ts';
