import { describe, expect, test } from 'vitest';
import { consentPage } from '../../src/pages/consent-page.ts';
import type { ConsentPageProps } from '../../src/pages/consent-props.ts';
import { renderPage } from '../../src/pages/html.ts';
import { attributeValues, structure, visibleText } from './read-page.ts';
import { consentProps, view } from './sample-props.ts';

const seen = (changes: Partial<ConsentPageProps> = {}) =>
  visibleText(consentPage({ ...consentProps, ...changes }, view));
const startedHere = 'Only continue if you started this yourself, just now, on this device.';

describe('the consent page (MCP security best practices, confused deputy)', () => {
  test('says who asks, where the answer goes, for what, for which server, through which provider', () => {
    const text = seen();

    expect(text).toContain('Allow access to Acme Notes? https://mcp.acme.example/mcp');
    expect(text).toContain('An app that calls itself “Claude” Not verified wants to connect.');
    expect(text).toContain('The answer will be sent to claude.ai https://claude.ai/api/mcp/auth_callback');
    expect(text).toContain('Use Acme Notes in your name');
    expect(text).toContain('Know who you are');
    expect(text).toContain('You will sign in with Google.');
    expect(text).toContain('first registered here on 23 November 2026 at 09:32 UTC');
    expect(text).toContain('App ID client-1');
  });

  test('a scope without words is shown as code', () => {
    const page = renderPage(consentPage(consentProps, view));

    expect(page).toContain('<li><code><bdi>files:read</bdi></code></li>');
    expect(page).toContain('<li><bdi>Know who you are</bdi></li>');
  });

  test('a client with a document shows whose host describes it, and its name is still its own claim (protocol.md 84)', () => {
    const text = seen({ publisherHost: 'app.example' });

    expect(text).toContain('An app that calls itself “Claude” Not verified wants to connect.');
    expect(text).toContain('Published by app.example: this server has checked that.');
    expect(seen()).not.toContain('Published by');
  });

  test('a client that the operator made carries its name and the mark', () => {
    const text = seen({ standing: { kind: 'operator' } });

    expect(text).toContain('Claude Verified wants to connect.');
    expect(text).toContain('The people who run this server added it on');
    expect(text).not.toMatch(/Not verified|calls itself|“/);
  });

  test('a vendor’s own callback carries the mark and the product’s name, whatever the client calls itself', () => {
    const standing = { kind: 'vendor', product: 'Claude', vendor: 'Anthropic' } as const;
    const text = seen({ clientName: 'Totally Your Bank', standing });

    expect(text).toContain('Claude Verified wants to connect.');
    expect(text).toContain('The address below belongs to Anthropic.');
    expect(text).toContain('Only continue if you are connecting it yourself, right now.');
    expect(text).not.toMatch(/Not verified|calls itself|Your Bank/);
  });

  test('a callback that hands the answer on proves no app: it says whose host it is, and what that means', () => {
    const text = seen({ standing: { kind: 'shared', vendor: 'Microsoft' } });

    expect(text).toContain('“Claude” Not verified wants to connect.');
    expect(text).toContain('belongs to Microsoft, which hands the answer on');
  });

  test('a known name with a strange callback is called out, and the way out is the first button (clients.md P10)', () => {
    const page = consentPage({ ...consentProps, standing: { kind: 'imitation', product: 'Claude' } }, view);

    expect(visibleText(page)).toContain('This is probably not Claude.');
    expect(visibleText(page)).toContain('not one that Claude is known to use');
    expect(visibleText(page)).toContain('Not verified');
    expect(visibleText(page)).toMatch(/Cancel Continue to Google all the same/);
    expect(attributeValues(page, 'value')).toEqual(['request-secret', 'deny', 'approve']);
    expect(attributeValues(page, 'class')).toContain('note alarm');
  });

  test('only a verified client carries the mark', () => {
    expect(seen({ clientName: 'Claude ✓ Verified' })).toContain('“Claude Verified” Not verified');
  });

  test.each([undefined, '', '\u{202e}', ' \u{200b} '])(
    'a client named %j is an app without a name',
    (clientName) => {
      expect(seen({ clientName })).toContain('An app without a name Not verified wants to connect.');
    },
  );

  test('warns when every callback is on a loopback address, and helps with a remote machine', () => {
    const text = seen({ isLoopbackOnly: true });

    expect(text).toContain('This is a program on your computer');
    expect(text).toContain(startedHere);
    expect(text).toContain('The app runs on another machine');
  });

  test('warns when the callback opens an app by its scheme (RFC 8252 §8.6)', () => {
    const text = seen({ isPrivateScheme: true });

    expect(text).toContain('any app there can claim such an address');
    expect(text).toContain(startedHere);
  });

  test('a web callback gets no such warning', () => {
    expect(seen()).not.toContain(startedHere);
  });

  test('when the provider is away the page says so, and can still be approved', () => {
    const [google] = consentProps.providers;
    const away = consentPage({ ...consentProps, providers: [{ ...google, isUnavailable: true }] }, view);

    expect(visibleText(away)).toContain('Google cannot be reached right now.');
    expect(visibleText(away)).toContain('trying again in a moment will work');
    expect(renderPage(away)).toContain('value="approve"');
    expect(seen()).not.toContain('cannot be reached');
  });

  test('is one POST form with the request and two decisions', () => {
    const page = consentPage(consentProps, view);

    expect(structure(page).filter((tag) => tag.startsWith('<form'))).toHaveLength(1);
    expect(attributeValues(page, 'method')).toEqual(['post']);
    expect(attributeValues(page, 'action')).toEqual(['/consent']);
    expect(attributeValues(page, 'name').slice(-3)).toEqual(['request_id', 'decision', 'decision']);
    expect(attributeValues(page, 'value')).toEqual(['request-secret', 'approve', 'deny']);
    expect(visibleText(page)).toMatch(/Continue to Google Cancel/);
  });

  test('with several providers there is a button for each, and the one of last time stands out alone', () => {
    const [google] = consentProps.providers;
    const github = { id: 'github', name: 'GitHub', isUnavailable: true, isLastUsed: true };
    const page = consentPage({ ...consentProps, providers: [google, github] }, view);

    expect(attributeValues(page, 'value')).toEqual([
      'request-secret',
      'approve:github',
      'approve:google',
      'deny',
    ]);
    expect(visibleText(page)).toMatch(/Continue with GitHub Continue with Google Cancel/);
    expect(visibleText(page)).toContain('Choose how to sign in. Nothing is shared before that.');
    expect(visibleText(page)).toContain('GitHub cannot be reached right now.');
    expect(renderPage(page).split('primary"')).toHaveLength(2);
  });

  test('an imitation has Cancel first and alone standing out, with several providers too', () => {
    const [google] = consentProps.providers;
    const github = { id: 'github', name: 'GitHub', isUnavailable: false, isLastUsed: true };
    const standing = { kind: 'imitation', product: 'ChatGPT' } as const;
    const page = consentPage({ ...consentProps, standing, providers: [google, github] }, view);

    expect(attributeValues(page, 'value').slice(1)).toEqual(['deny', 'approve:github', 'approve:google']);
    expect(visibleText(page)).toContain('Continue with GitHub all the same');
    expect(renderPage(page).split('primary"')).toHaveLength(2);
  });

  test('a browser that was signed in with before is offered another account, and nobody is named (clients.md P10)', () => {
    const otherAccountUrl = 'https://mcp.acme.example/authorize?prompt=select_account';
    const page = consentPage({ ...consentProps, otherAccountUrl }, view);

    expect(visibleText(page)).toContain('Not you? Switch account');
    expect(attributeValues(page, 'href')).toEqual([otherAccountUrl]);
    expect(seen()).not.toContain('Not you?');
  });

  test('who chooses an account is told where', () => {
    expect(seen({ choosesAccount: true })).toContain(
      'You will sign in with Google. You can choose another account there. Nothing is shared before that.',
    );
  });

  test('nothing is focused by itself: a key that is already down cannot approve', () => {
    expect(renderPage(consentPage(consentProps, view))).not.toContain('autofocus');
  });

  test('the browser does not bring back an older request id (Firefox restores hidden fields)', () => {
    expect(attributeValues(consentPage(consentProps, view), 'autocomplete')).toEqual(['off']);
  });

  test('the request id is in the form and nowhere else', () => {
    const markup = renderPage(consentPage(consentProps, view));

    expect(markup.split('request-secret')).toHaveLength(2);
    expect(seen()).not.toContain('request-secret');
  });

  test('what a client says about itself stays out of the title', () => {
    const [, title] = /<title>(.*?)<\/title>/.exec(renderPage(consentPage(consentProps, view))) ?? [];

    expect(title).toBe('Allow access to Acme Notes?');
  });

  test.each(['https://evil.example/consent', '//evil.example', 'javascript:alert(1)'])(
    'the form cannot be sent to %s',
    (formAction) => {
      expect(() => consentPage({ ...consentProps, formAction }, view)).toThrow(TypeError);
    },
  );
});
