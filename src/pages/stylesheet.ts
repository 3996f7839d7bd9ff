/** How the pages look: one style sheet for all of them. Light and dark, from 320 px up, in either text direction. */
import { css, type Css } from './html.ts';
import { type Accent, palette } from './palette.ts';

export function stylesheetWith(accent: Accent): Css {
  return css`
    ${palette(accent)}${rules}
  `;
}

const rules = css`
  * {
    box-sizing: border-box;
    margin: 0;
  }
  html {
    text-size-adjust: 100%;
  }
  body {
    min-block-size: 100dvh;
    display: grid;
    align-content: safe center;
    justify-items: center;
    padding-block: clamp(1rem, 5vh, 4rem);
    padding-inline: 1rem;
    background: var(--page);
    color: var(--ink);
    font-family: system-ui, sans-serif;
    line-height: 1.5;
    overflow-wrap: anywhere;
  }
  .banner {
    display: flex;
    align-items: center;
    gap: 0.75rem;
    max-inline-size: 100%;
    margin-block-end: 1.25rem;
    font-weight: 600;
  }
  .banner img {
    flex: none;
    max-inline-size: 10rem;
    block-size: 2.25rem;
    object-fit: contain;
  }
  main {
    inline-size: 100%;
    max-inline-size: 30rem;
    padding: clamp(1.25rem, 5vw, 2.25rem);
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: 1rem;
    box-shadow:
      0 1px 2px rgb(16 20 32 / 6%),
      0 12px 32px -12px rgb(16 20 32 / 14%);
  }
  main.wide {
    max-inline-size: 42rem;
  }
  h1 {
    font-size: clamp(1.375rem, 1.2rem + 1vw, 1.625rem);
    font-weight: 650;
    line-height: 1.25;
    letter-spacing: -0.012em;
    text-wrap: balance;
  }
  h2,
  h3 {
    font-size: 1rem;
    font-weight: 600;
  }
  .stack > * + * {
    margin-block-start: 1.25rem;
  }
  .tight > * + * {
    margin-block-start: 0.375rem;
  }
  .eyebrow,
  .small,
  dt {
    font-size: 0.875rem;
  }
  .eyebrow,
  .soft,
  dt {
    color: var(--soft);
  }
  code,
  .mono {
    font-family: var(--mono);
    font-size: 0.875em;
  }
  .badge {
    display: inline-block;
    padding: 0 0.5rem;
    border: 1px solid transparent;
    border-radius: 1rem;
    font-size: 0.8125rem;
    font-weight: 600;
    line-height: 1.5;
    vertical-align: 0.1em;
    white-space: nowrap;
    background: var(--good);
    color: var(--on-good);
  }
  .badge.unsure {
    background: var(--warn);
    color: var(--on-warn);
  }
  .well {
    padding: 0.875rem 1rem;
    background: var(--well);
    border: 1px solid var(--line);
    border-radius: 0.625rem;
  }
  .host {
    font-size: 1.25rem;
    font-weight: 650;
    line-height: 1.3;
  }
  .note {
    padding: 0.75rem 1rem;
    background: var(--warn);
    color: var(--on-warn);
    border-inline-start: 0.25rem solid var(--warn-edge);
    border-radius: 0.375rem;
  }
  .note.alarm {
    background: var(--alarm);
    color: var(--on-alarm);
    border-inline-start-color: var(--alarm-edge);
  }
  .list {
    padding-inline-start: 1.25rem;
  }
  .list li + li {
    margin-block-start: 0.25rem;
  }
  dl > div + div {
    margin-block-start: 0.75rem;
  }
  .facts > div {
    display: grid;
    grid-template-columns: 6.25rem 1fr;
    gap: 0.75rem;
  }
  .facts > div + div {
    margin-block-start: 0.375rem;
  }
  .inline {
    padding: 0;
    list-style: none;
  }
  .inline li {
    display: inline;
  }
  .inline li + li::before {
    content: ' · ';
  }
  .unseen {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .actions {
    display: grid;
    gap: 0.75rem;
  }
  a {
    color: var(--accent);
    text-underline-offset: 0.2em;
  }
  .choice {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 0.625rem;
    padding-block: 0.625rem;
    cursor: pointer;
  }
  .choice input {
    inline-size: 1.25rem;
    block-size: 1.25rem;
    margin-block: 0.125rem;
    accent-color: var(--accent);
  }
  .button {
    display: inline-block;
    min-block-size: 3rem;
    padding: 0.6875rem 1.25rem;
    border: 1px solid var(--edge);
    border-radius: 0.625rem;
    background: transparent;
    color: var(--ink);
    font: inherit;
    font-weight: 600;
    text-align: center;
    text-decoration: none;
    cursor: pointer;
  }
  .button.primary {
    border-color: var(--accent);
    background: var(--accent);
    color: var(--on-accent);
  }
  .button:hover {
    text-decoration: underline;
    text-underline-offset: 0.2em;
  }
  :focus-visible {
    outline: 3px solid var(--accent);
    outline-offset: 2px;
  }
  details {
    border-block-start: 1px solid var(--line);
  }
  details:last-of-type {
    border-block-end: 1px solid var(--line);
  }
  summary {
    display: flow-root list-item;
    min-block-size: 2.75rem;
    padding-block: 0.625rem;
    font-weight: 600;
    cursor: pointer;
  }
  details > :not(summary) {
    margin-block-end: 1rem;
  }
  pre {
    padding: 0.75rem 1rem;
    background: var(--well);
    border: 1px solid var(--line);
    border-radius: 0.625rem;
    white-space: pre-wrap;
  }
  .copy {
    -webkit-user-select: all;
    user-select: all;
  }
  footer {
    padding-block-start: 1rem;
    border-block-start: 1px solid var(--line);
  }
  details + footer {
    padding-block-start: 0;
    border: 0;
  }
`;
