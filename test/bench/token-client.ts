/** Callers of a token endpoint over HTTP that cost little themselves: one kept connection each. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { redirectUri, type SeededClient, type SeededCode } from './token-seeds.ts';

export interface TokenCaller {
  /** Gives the refresh token of the answer. @throws Error when it is none */
  exchange(code: SeededCode): Promise<string>;
  refresh(refreshToken: string): Promise<string>;
  close(): void;
}

export async function openTokenCaller(
  origin: string,
  { client, clientSecret }: SeededClient,
): Promise<TokenCaller> {
  const { host, hostname, port } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const head = `POST /token HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: `;
  const identity = `client_id=${client.clientId}&client_secret=${clientSecret}`;
  const post = async (form: string): Promise<string> => {
    const body = `${identity}&${form}`;
    socket.write(`${head}${body.length}\r\n\r\n${body}`);
    return readRefreshToken(await readAnswer(socket));
  };
  return {
    exchange: async ({ code, codeVerifier }) =>
      post(
        `grant_type=authorization_code&code=${code}&code_verifier=${codeVerifier}&redirect_uri=${encodeURIComponent(redirectUri)}`,
      ),
    refresh: async (refreshToken) => post(`grant_type=refresh_token&refresh_token=${refreshToken}`),
    close: () => void socket.destroy(),
  };
}

async function readAnswer(socket: Socket): Promise<string> {
  let answer = '';
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    answer += chunk.toString('latin1');
    const end = answer.indexOf('\r\n\r\n');
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1] ?? NaN);
    if (end !== -1 && answer.length >= end + 4 + length) return answer;
  }
}

function readRefreshToken(answer: string): string {
  const token = /^HTTP\/1\.1 200 .*"refresh_token":"([^"]+)"/s.exec(answer)?.[1];
  if (token === undefined) throw new Error(`The token endpoint answered: ${answer}`);
  return token;
}
