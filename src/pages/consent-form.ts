/** The person's answer: one form, in which the button is the decision. */
import { claimed } from './claimed.ts';
import type { ConsentPageProps, ProviderChoice } from './consent-props.ts';
import { html, type Html } from './html.ts';
import { localPath, webLink } from './safe-url.ts';
import type { Texts } from './texts/languages.ts';
import type { View } from './view.ts';

type Words = Texts['consent'];

export function consentForm(props: ConsentPageProps, { language }: View): Html {
  const { consent } = language.texts;
  return html`${props.providers.map((provider) => provider.isUnavailable && html`<p class="note">${consent.away(claimed(provider.name, 60))}</p>`)}
    <form class="actions" method="post" action="${localPath(props.formAction)}" autocomplete="off">
      <input type="hidden" name="request_id" value="${props.requestId}" />
      <p>${howToSignIn(props, consent)}</p>
      ${props.isLoopbackOnly && otherMachine(consent)} ${decisions(props, consent)}
    </form>
    ${switchAccount(props.otherAccountUrl, consent)}`;
}

function howToSignIn({ providers, choosesAccount }: ConsentPageProps, consent: Words): Html {
  const how =
    providers.length === 1 ? consent.signInWith(claimed(providers[0].name, 60)) : consent.chooseProvider;
  return html`${how} ${choosesAccount && consent.choosesAccount} ${consent.nothingBefore}`;
}

/** A loopback callback leads to the machine of the browser: whoever has the app elsewhere gets the answer to copy. */
function otherMachine({ otherMachine: words }: Words): Html {
  return html`<label class="choice">
    <input type="checkbox" name="other_machine" value="yes" />
    <span>${words.label} <span class="small soft">${words.explanation}</span></span>
  </label>`;
}

/** For an app that imitates another, the way out is the button that stands out. */
function decisions(props: ConsentPageProps, consent: Words): Html {
  const cancel = (style: string): Html =>
    html`<button class="button ${style}" name="decision" value="deny">${consent.cancel}</button>`;
  return props.standing.kind === 'imitation'
    ? html`${cancel('primary')} ${approvals(props, consent)}`
    : html`${approvals(props, consent)} ${cancel('')}`;
}

/** One button a provider. That of last time comes first, and then it alone stands out. */
function approvals({ standing, providers }: ConsentPageProps, consent: Words): Html {
  const isImitation = standing.kind === 'imitation';
  const last = providers.filter(({ isLastUsed }) => isLastUsed);
  const ordered = [...last, ...providers.filter(({ isLastUsed }) => !isLastUsed)];
  const [onlyOne, oneOfSeveral] = isImitation
    ? [consent.continueToAllTheSame, consent.continueWithAllTheSame]
    : [consent.continueTo, consent.continueWith];
  const words = providers.length === 1 ? onlyOne : oneOfSeveral;
  const button = ({ id, name, isLastUsed }: ProviderChoice): Html => {
    const standsOut = !isImitation && (isLastUsed || last.length === 0);
    const value = providers.length === 1 ? 'approve' : `approve:${id}`;
    return html`<button class="button ${standsOut && 'primary'}" name="decision" value="${value}">
      ${words(claimed(name, 60))}
    </button>`;
  };
  return html`${ordered.map(button)}`;
}

/** Nobody is named: on a shared computer that would tell the next person who was there. */
function switchAccount(otherAccountUrl: string | undefined, consent: Words): Html | undefined {
  const link = otherAccountUrl === undefined ? undefined : webLink(otherAccountUrl);
  return link && html`<p class="small">${consent.notYou} <a href="${link}">${consent.switchAccount}</a></p>`;
}
