/** Calls a provider's own API in the name of the person. */
import type { BoundedFetch } from './bounded-fetch.ts';
import { fetchHealthy } from './connect.ts';
import type { CallApi } from './provider-profile.ts';

/** `json` is undefined when the answer is none. @throws ProviderUnavailableError */
export function callApiWith(fetch: BoundedFetch, accessToken: string): CallApi {
  return async (url, { method, json } = {}) => {
    const response = await fetchHealthy(fetch, url, {
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${accessToken}`,
        ...(json !== undefined && { 'content-type': 'application/json' }),
      },
      ...(method !== undefined && { method }),
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    return { status: response.status, json: parseJson(await response.text()) };
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
