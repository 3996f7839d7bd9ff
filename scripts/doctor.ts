/** `npm run doctor`: see `--help`. The image has the same as `node dist/doctor.js`. */
import '../src/doctor.ts';
