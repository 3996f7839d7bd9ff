import { describe, expect, test } from 'vitest';
import { errorPage } from '../../src/pages/error-page.ts';
import { renderPage } from '../../src/pages/html.ts';
import { attributeValues, structure, visibleText } from './read-page.ts';
import { errorProps, view } from './sample-props.ts';

describe('the error page (RFC 6749 §4.1.2.1)', () => {
  test('says what happened, what to do, and how to find it in the log', () => {
    const text = visibleText(errorPage(errorProps, view));

    expect(text).toContain('The app’s request is not complete Something in the address');
    expect(text).toContain('Error invalid_request · Request req-1');
  });

  test('shows each fact under its name, also when there are several', () => {
    const page = errorPage(errorProps, view);

    expect(visibleText(page)).toContain('Asked for http://localhost:9999/cb');
    expect(visibleText(page)).toContain('Registered https://a.example/cb https://b.example/cb');
    expect(structure(page).filter((tag) => tag.startsWith('<dd'))).toHaveLength(3);
  });

  test('an address in the facts is text, not a link', () => {
    const { continueTo: _, ...props } = errorProps;

    expect(structure(errorPage(props, view)).some((tag) => tag.startsWith('<a'))).toBe(false);
  });

  test('without facts there is no empty list', () => {
    expect(renderPage(errorPage({ ...errorProps, details: {} }, view))).not.toContain('<dl');
  });

  test.each([
    'https://claude.ai/back?error=access_denied&state=1',
    'cursor://anysphere.cursor-mcp/oauth/callback?a=1',
  ])('offers the way back to %s', (url) => {
    const page = errorPage({ ...errorProps, continueTo: url }, view);

    expect(attributeValues(page, 'href')).toEqual([url]);
    expect(visibleText(page)).toContain('Back to the app');
  });

  test('a way to start again here comes first, and is the one that stands out', () => {
    const page = errorPage(
      {
        ...errorProps,
        otherAccountUrl: 'https://mcp.example.com/authorize?x=1',
        continueTo: 'https://claude.ai/back',
      },
      view,
    );

    expect(attributeValues(page, 'href')).toEqual([
      'https://mcp.example.com/authorize?x=1',
      'https://claude.ai/back',
    ]);
    const classes = attributeValues(page, 'class').filter((value) => value.startsWith('button'));
    expect(classes).toEqual(['button primary', 'button']);
  });

  test.each(['javascript:alert(1)', 'java\nscript:alert(1)', 'data:text/html,x', 'not an address'])(
    '%j is no way back',
    (url) => {
      const page = errorPage({ ...errorProps, continueTo: url }, view);

      expect(attributeValues(page, 'href')).toEqual([]);
      expect(visibleText(page)).not.toContain('Back to the app');
    },
  );
});
