import type { Texts } from '../languages.ts';

export const scopes = {
  openid: 'Wissen, wer Sie sind',
  profile: 'Ihren Namen und Ihr Bild sehen',
  email: 'Ihre E-Mail-Adresse sehen',
  phone: 'Ihre Telefonnummer sehen',
  address: 'Ihre Postanschrift sehen',
  offline_access: 'Verbunden bleiben, auch wenn Sie gerade nicht da sind',
} satisfies Texts['scopes'];
