/** Sockets in a directory that tell whether the process that made them is alive. */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where sockets are, and how to say so within the limit of a socket's path. */
export interface SocketFolder {
  readonly folder: string;
  address(name: string): string;
  close(): Promise<void>;
}

/** The shortest limit of `sun_path` among the systems that Node runs on, less its final zero. */
const longestAddress = 103;
const longestName = 40;

/** How a file system says that it has no sockets. */
const noSockets = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EINVAL'];

/** The directory itself or, where its file system has no sockets, one for it among the temporary files. */
export async function openSocketFolder(directory: string): Promise<SocketFolder> {
  const own = await addressable(directory);
  const probe = `probe-${process.pid}-${performance.now()}`;
  try {
    const server = createServer();
    await listen(server, own.address(probe));
    await close(server);
    return own;
  } catch (error) {
    await own.close();
    if (!noSockets.some((code) => isCode(error, code))) throw error;
    return await temporary(directory);
  } finally {
    await rm(join(directory, probe), { force: true });
  }
}
