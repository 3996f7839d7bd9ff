/** A bare Node proxy that checks nothing: the measure of what Node can do. `passthrough.js PORT BACKEND` */
import { createServer } from 'node:http';
import { collectBody, forward, openPool, passedOn } from './dispatch.ts';

const [port, backend = ''] = process.argv.slice(2);
const pool = openPool(backend);

createServer((request, response) => {
  collectBody(request, (body) =>
    forward(pool, request, response, { headers: passedOn(request.rawHeaders), body }),
  );
}).listen(Number(port), '127.0.0.1');
