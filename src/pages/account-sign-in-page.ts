/** `/account` for someone who is not signed in there: what it is, and how to get in. */
import { claimed } from './claimed.ts';
import type { ProviderChoice } from './consent-props.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { localPath } from './safe-url.ts';
import type { View } from './view.ts';

export interface AccountSignInPageProps {
  readonly resourceName: string;
  /** Where the person may sign in; that of last time first. */
  readonly providers: readonly ProviderChoice[];
}

export function accountSignInPage(props: AccountSignInPageProps, view: View): Html {
  const { account } = view.language.texts;
  const { signIn } = account;
  return layout(view, {
    title: account.title,
    body: html`
      <header class="tight">
        <h1>${account.heading}</h1>
        <p>${signIn.intro(claimed(props.resourceName, 60))}</p>
      </header>
      ${props.providers
        .filter(({ isUnavailable }) => isUnavailable)
        .map(({ name }) => html`<p class="note">${signIn.away(claimed(name, 60))}</p>`)}
      <form class="actions" method="post" action="${localPath('/account/sign-in')}" autocomplete="off">
        <p>${signIn.whom}</p>
        ${props.providers.map(
          ({ id, name }, index) =>
            html`<button class="button ${index === 0 && 'primary'}" name="provider" value="${id}">
              ${signIn.with(claimed(name, 60))}
            </button>`,
        )}
        <label><input type="checkbox" name="choose_account" value="yes" /> ${signIn.chooseAccount}</label>
      </form>
    `,
  });
}
