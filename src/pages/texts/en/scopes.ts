/** The standard scopes in words (OpenID Connect Core §5.4, §11). */
export const scopes = {
  openid: 'Know who you are',
  profile: 'See your name and picture',
  email: 'See your email address',
  phone: 'See your phone number',
  address: 'See your postal address',
  offline_access: 'Stay connected when you are away',
};
