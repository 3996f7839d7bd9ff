/** Whether a form was sent by one of our own pages (the method of Go's CrossOriginProtection). */

/**
 * `Sec-Fetch-Site` decides where the browser sends it. Otherwise `Origin` must be ours; it is `null` from our own
 * pages in browsers that have no `Sec-Fetch-Site`, because they send no referrer, and then the token in the form,
 * which is bound to the browser's cookie, decides alone.
 */
export function isFromOwnPage(
  headers: {
    readonly 'sec-fetch-site'?: string | string[] | undefined;
    readonly origin?: string | undefined;
  },
  ownOrigin: string,
): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = headers;
  return origin === undefined || origin === 'null' || origin === ownOrigin;
}
