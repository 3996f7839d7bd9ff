import { html, type Html } from '../../html.ts';
import type { Texts } from '../languages.ts';

const startAgain = 'Gehen Sie zurück zur App, und starten Sie die Verbindung neu.';
const toTheMaker = 'Wenn das nicht hilft, zeigen Sie diese Seite dem Hersteller der App.';

export const errors = {
  invalid_client: {
    title: 'Diese App ist hier nicht registriert',
    message: 'Die App, von der Sie kommen, ist hier nicht oder nicht mehr registriert.',
    nextStep: 'Entfernen Sie die Verbindung in der App, und fügen Sie sie neu hinzu.',
  },
  client_not_allowed: {
    title: 'Diese App darf sich hier nicht verbinden',
    message: 'Der Betreiber dieses Servers lässt nur bestimmte Apps zu, und diese gehört nicht dazu.',
    nextStep: 'Bitten Sie ihn, die App zuzulassen, oder verbinden Sie sich mit einer anderen.',
  },
  unauthorized_client: {
    title: 'Mit dieser App meldet sich niemand an',
    message: 'Die App, von der Sie kommen, ist nur für sich selbst registriert, nicht für Menschen.',
    nextStep:
      'Zeigen Sie diese Seite denen, die die App eingerichtet haben: Sie braucht dafür eine eigene Registrierung.',
  },
  invalid_redirect_uri: {
    title: 'Die Rückadresse der App stimmt nicht',
    message:
      'Die App möchte die Antwort an eine Adresse, die sie nicht registriert hat. Es wurde nichts gesendet.',
    nextStep: `Entfernen Sie die Verbindung in der App, und fügen Sie sie neu hinzu. ${toTheMaker}`,
  },
  invalid_client_document: {
    title: 'Die Beschreibung dieser App ist unbrauchbar',
    message:
      'Die App nennt ein Dokument auf der Website ihres Herstellers, das sie beschreibt. Etwas daran stimmt nicht.',
    nextStep:
      'Bei Ihnen ist alles in Ordnung. Zeigen Sie diese Seite dem Hersteller der App oder dem Betreiber dieses Servers.',
  },
  client_document_unavailable: {
    title: 'Die Beschreibung dieser App ist nicht lesbar',
    message:
      'Die App nennt ein Dokument auf der Website ihres Herstellers, das sie beschreibt. Es war gerade nicht zu lesen.',
    nextStep: `Warten Sie eine Minute, und verbinden Sie sich dann noch einmal. ${toTheMaker}`,
  },
  invalid_request: {
    title: 'Die Anfrage der App ist unvollständig',
    message: 'In der Adresse, die Sie hierher gebracht hat, fehlt etwas, steht doppelt oder ist beschädigt.',
    nextStep: `${startAgain} ${toTheMaker}`,
  },
  unsupported_response_type: {
    title: 'So kann die App hier nicht fragen',
    message: 'Die App möchte eine Art von Antwort, die dieser Server nicht gibt.',
    nextStep: 'Aktualisieren Sie die App, und verbinden Sie sich dann noch einmal.',
  },
  invalid_scope: {
    title: 'Die App möchte ein unbekanntes Recht',
    message: 'Die App hat um ein Recht gebeten, das es auf diesem Server nicht gibt.',
    nextStep: `${startAgain} ${toTheMaker}`,
  },
  invalid_target: {
    title: 'Die App sucht einen anderen Server',
    message: 'Die App möchte Zugriff auf einen Server, der nicht hier ist.',
    nextStep: 'Prüfen Sie die Adresse des Servers in der App, und verbinden Sie sich dann noch einmal.',
  },
  not_admitted: {
    title: 'Dieses Konto ist hier nicht zugelassen',
    message:
      'Ihre Anmeldung hat geklappt, aber der Betreiber dieses Servers lässt nur bestimmte Konten zu. Die App hat nichts erhalten.',
    nextStep: 'Nehmen Sie ein anderes Konto, oder bitten Sie ihn, dieses zuzulassen.',
  },
  access_denied: {
    title: 'Kein Zugriff erteilt',
    message: 'Die Anfrage wurde abgelehnt, und die App hat nichts bekommen.',
    nextStep: 'Wenn Sie sich doch verbinden möchten, gehen Sie zurück zur App, und beginnen Sie von vorn.',
  },
  expired_request: {
    title: 'Diese Anfrage ist vorbei',
    message: 'Es hat zu lange gedauert, oder sie ist schon beantwortet.',
    nextStep: startAgain,
  },
  already_approved: {
    title: 'Sie haben schon zugestimmt',
    message: 'Nichts ist falsch: Das wurde zweimal abgeschickt, und das erste Mal zählt.',
    nextStep: 'Fahren Sie mit der Anmeldung fort.',
  },
  already_answered: {
    title: 'Das ist erledigt',
    message:
      'Die Anmeldung ist schon beendet. Die Antwort gibt es einmal, und sie wird nicht noch einmal gezeigt.',
    nextStep: 'Sie können diese Seite schließen. Wenn die App noch wartet, beginnen Sie dort von vorn.',
  },
  wrong_browser: {
    title: 'Sie haben in einem anderen Browser angefangen',
    message:
      'Zugestimmt wurde in einem anderen Browser, oder dieser hat unser Cookie nicht behalten. Deshalb ist hier Schluss.',
    nextStep:
      'Fangen Sie in der App neu an, und bleiben Sie in einem Browser. Wenn jemand Ihnen den Link hierher geschickt hat, schließen Sie diese Seite.',
  },
  provider_unavailable: {
    title: 'Die Anmeldung ist kurz nicht möglich',
    message: 'Der Dienst, bei dem Sie sich anmelden, ist gerade nicht erreichbar.',
    nextStep: 'Warten Sie eine Minute, und verbinden Sie sich dann aus der App noch einmal.',
  },
  temporarily_unavailable: {
    title: 'Wir sind gleich wieder da',
    message: 'Ein Teil dieses Servers ist gerade nicht erreichbar. Von Ihnen ist nichts verloren.',
    nextStep: 'Warten Sie eine Minute, und versuchen Sie es dann noch einmal.',
  },
  server_error: {
    title: 'Hier ist etwas schiefgegangen',
    message: 'Dieser Server hat einen Fehler gemacht. Es liegt nicht an Ihnen und nicht an der App.',
    nextStep:
      'Versuchen Sie es noch einmal. Wenn es wieder passiert, nennen Sie dem Betreiber dieses Servers die Anfragenummer unten.',
  },
  rate_limited: {
    title: 'Zu viele Anfragen',
    message: 'Aus Ihrem Netz kamen in kurzer Zeit sehr viele Anfragen.',
    nextStep: 'Warten Sie eine Minute, und versuchen Sie es dann noch einmal.',
  },
  not_found: {
    title: 'Hier ist keine Seite',
    message: 'Die Adresse ist vielleicht vertippt oder veraltet.',
    nextStep: 'Prüfen Sie die Adresse, oder öffnen Sie die Startseite dieses Servers.',
  },
  forbidden_origin: {
    title: 'Dieses Formular kam von woanders',
    message: 'Die Antwort kam von einer anderen Website als dieser und wurde deshalb nicht angenommen.',
    nextStep: `${startAgain} Wenn eine andere Website Sie darum gebeten hat, schließen Sie sie.`,
  },
  account_over: {
    title: 'Diese Anmeldung ist vorbei',
    message:
      'Sie hat zu lange gedauert, war schon abgeschlossen, oder wurde in einem anderen Browser begonnen.',
    nextStep:
      'Öffnen Sie Ihre verbundenen Apps noch einmal. Wenn Ihnen jemand den Link geschickt hat, der hierher führte, schließen Sie diese Seite.',
  },
  account_refused: {
    title: 'Sie sind nicht angemeldet',
    message: 'Die Anmeldung wurde abgebrochen, oder der Anmeldedienst hat sie abgelehnt.',
    nextStep: 'Öffnen Sie Ihre verbundenen Apps, und versuchen Sie es noch einmal.',
  },
  account_signed_out: {
    title: 'Sie wurden inzwischen abgemeldet',
    message: 'Ihre verbundenen Apps waren zu lange offen, deshalb wurde nichts geändert.',
    nextStep: 'Melden Sie sich noch einmal an, und wiederholen Sie es.',
  },
  account_form: {
    title: 'Es wurde nichts geändert',
    message:
      'Das Formular kam nicht von unserer Seite, wie Sie sie jetzt sehen, deshalb wurde es nicht angenommen.',
    nextStep:
      'Öffnen Sie Ihre verbundenen Apps, und tun Sie es dort. Wenn eine andere Website Sie darum gebeten hat, schließen Sie sie.',
  },
  account_no_connection: {
    title: 'Diese Verbindung gibt es nicht',
    message:
      'Es wurde nichts geändert: Die Verbindung ist keine von Ihnen, oder es gibt sie schon lange nicht mehr.',
    nextStep: 'Öffnen Sie Ihre verbundenen Apps, um zu sehen, was es gibt.',
  },
} satisfies Texts['errors'];

export const facts = {
  redirect_uri: 'Verlangte redirect_uri',
  registered_redirect_uris: 'Registrierte redirect_uri',
  client_id: 'client_id',
  problem: 'Problem',
  account: 'Ihr Konto',
} satisfies Texts['facts'];

export const errorPage = {
  whomToAsk: 'Wen Sie fragen können',
  backToApp: 'Zurück zur App',
  useAnotherAccount: 'Anderes Konto verwenden',
  errorAndRequest: (code: Html, requestId: Html) =>
    html`Fehler <code>${code}</code> · Anfrage <code>${requestId}</code>`,
} satisfies Texts['errorPage'];
