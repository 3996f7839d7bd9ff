/** Who may sign in: which lists count, and how they go together. */
import { expect, test } from 'vitest';
import { type Admissible, admissionProblem } from '../../src/identity/admission.ts';

const ada: Admissible = {
  email: 'ada@example.com',
  isEmailVerified: true,
  organization: 'example.com',
  groups: ['staff', 'octo-org/maintainers'],
};
const addresses = { emails: ['ada@example.com'], domains: [] };
const nothingKnown: Admissible = { isEmailVerified: false };

test('without lists everyone whom the provider lets in may sign in', () => {
  expect(admissionProblem({}, undefined, nothingKnown)).toBeUndefined();
});

test.each([
  ['a hosted domain', { hostedDomains: ['example.com', 'example.org'] }, undefined],
  ['a tenant', { allowedTenants: ['example.com'] }, undefined],
  ['a group', { allowedGroups: ['other', 'staff'] }, undefined],
  ['an address', {}, addresses],
  ['a domain', {}, { emails: [], domains: ['example.com'] }],
])('%s that is listed is enough; who is not known to be on the list is not', (_, lists, emailLists) => {
  expect(admissionProblem(lists, emailLists, ada)).toBeUndefined();
  expect(admissionProblem(lists, emailLists, nothingKnown)).toEqual(expect.any(String));
  const eve = { ...ada, email: 'eve@evil.example', organization: 'evil.example', groups: ['staff2'] };
  expect(admissionProblem(lists, emailLists, eve)).toEqual(expect.any(String));
});

test('an address that is not verified is on no list (protocol.md 122)', () => {
  expect(admissionProblem({}, addresses, { ...ada, isEmailVerified: false })).toContain('verified');
});

test('of several kinds of lists each has to have the person', () => {
  const lists = { hostedDomains: ['example.com'], allowedGroups: ['staff'] };
  expect(admissionProblem(lists, addresses, ada)).toBeUndefined();
  for (const lacking of [
    { ...ada, organization: undefined },
    { ...ada, groups: [] },
    { ...ada, groups: undefined },
    { ...ada, email: 'grace@example.com' },
  ]) {
    expect(admissionProblem(lists, addresses, lacking)).toEqual(expect.any(String));
  }
});

test('a team is listed as org/team: its organization alone does not say it, nor another team', () => {
  const inOrganization = { ...nothingKnown, groups: ['octo-org', 'octo-org/readers'] };
  expect(
    admissionProblem({ allowedGroups: ['octo-org/maintainers'] }, undefined, inOrganization),
  ).toBeDefined();
  expect(admissionProblem({ allowedGroups: ['octo-org'] }, undefined, inOrganization)).toBeUndefined();
});

test('an empty list admits nobody', () => {
  expect(admissionProblem({ allowedGroups: [] }, undefined, ada)).toBeDefined();
  expect(admissionProblem({}, { emails: [], domains: [] }, ada)).toBeDefined();
});
