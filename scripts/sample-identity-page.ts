/** What a person sees at the sample identity provider: a sign-in form that believes every name. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { css, html, renderPage, type Html } from '../src/pages/html.ts';

const style = css`
  body {
    font:
      1rem/1.5 system-ui,
      sans-serif;
    max-width: 24rem;
    margin: 3rem auto;
    padding: 0 1rem;
    color: #1a1a1a;
    background: #fff;
  }
  label {
    display: block;
    margin-top: 1rem;
  }
  input,
  button {
    font: inherit;
    width: 100%;
    box-sizing: border-box;
    padding: 0.5rem;
    margin-top: 0.25rem;
  }
  button {
    margin-top: 1rem;
  }
  [role='alert'] {
    color: #a00000;
  }
  [role='note'] {
    padding: 0.5rem;
    border: 1px solid #767676;
  }
  @media (prefers-color-scheme: dark) {
    body {
      color: #eee;
      background: #1a1a1a;
    }
    [role='alert'] {
      color: #ff9a9a;
    }
  }
`;

/** The form posts to the address it was read from. */
export function signInForm(filled: {
  readonly name: string;
  readonly email: string;
  readonly problem?: string;
}): Html {
  return html`<h1>Sign in</h1>
    ${filled.problem !== undefined && html`<p role="alert">${filled.problem}</p>`}
    <form method="post" autocomplete="off">
      <label for="name">Name</label>
      <input id="name" name="name" value="${filled.name}" maxlength="200" required autofocus />
      <label for="email">E-mail</label>
      <input id="email" name="email" type="email" value="${filled.email}" maxlength="200" required />
      <button type="submit">Sign in</button>
      <button type="submit" name="cancel" value="yes" formnovalidate>Cancel</button>
    </form>`;
}

export function message(title: string, text: string): Html {
  return html`<h1>${title}</h1>
    <p>${text}</p>`;
}

export function page(content: Html): string {
  return renderPage(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>Sample identity provider</title>
          ${style.element}
        </head>
        <body>
          <main>
            <p role="note">
              Sample identity provider — for trying things out. It believes any name; nothing is checked.
            </p>
            ${content}
          </main>
        </body>
      </html>`,
  );
}

/**
 * No `form-action`: browsers apply it to the redirects that follow a form, and ours end at the client's
 * redirect URI, on another origin (CSP Level 3 §6.4.1).
 */
const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style.text).digest('base64')}'; base-uri 'none'; frame-ancestors 'none'`;

export function sendPage(response: ServerResponse, status: number, content: Html): void {
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    .end(page(content));
}
