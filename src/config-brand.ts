/** What people see of those who run this server: its name, logo and colour, and whom to ask. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Brand, createBrand, type Logo, type LogoType } from './pages/brand.ts';
import { plainText } from './pages/claimed.ts';
import { type Colour, readColour } from './pages/colour.ts';

/** A logo is on every page: a larger file would be slow on a phone. */
const maxLogoBytes = 262_144;

export const brandVariables = {
  BRAND_NAME: z
    .string()
    .refine(
      (name) => name.length <= 60 && plainText(name) === name,
      'must be a name of at most 60 characters on one line. Example: Acme Notes',
    ),
  BRAND_LOGO: z.string(),
  BRAND_COLOR: z.string().transform((value, context): Colour => {
    const colour = readColour(value);
    if (colour !== undefined) return colour;
    context.addIssue({
      code: 'custom',
      message: 'must be a colour of six hexadecimal digits, as in CSS. Example: 2448c4',
    });
    return z.NEVER;
  }),
  SUPPORT_CONTACT: z
    .string()
    .refine(
      (value) => value.length <= 200 && !/\p{Cc}/u.test(value),
      'must be one line that says whom to ask, of at most 200 characters. Example: it@example.com',
    )
    .refine(
      (value) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || (/^https:/i.test(value) && URL.canParse(value)),
      'must be https if it is a web address: nobody may change the page where people ask for help. Example: https://help.example.com',
    ),
} as const;

type BrandValues = {
  readonly [Name in keyof typeof brandVariables]?: z.infer<(typeof brandVariables)[Name]> | undefined;
};

/** What is set and can be read; the logo is read here, once. */
export function readBrand(values: BrandValues, problems: string[]): Brand {
  const { BRAND_NAME: name, BRAND_LOGO: file, BRAND_COLOR: colour, SUPPORT_CONTACT: supportContact } = values;
  if (file !== undefined && name === undefined)
    problems.push(
      'BRAND_NAME is missing: it stands beside the logo, for those who cannot see it. Example: Acme Notes',
    );
  const logo = file === undefined ? undefined : readLogo(file, problems);
  return createBrand({ name, logo, colour, supportContact });
}

function readLogo(file: string, problems: string[]): Logo | undefined {
  const bytes = readFile(file);
  const contentType = bytes && logoType(bytes);
  if (bytes === undefined || bytes.length > maxLogoBytes || contentType === undefined) {
    problems.push(
      `BRAND_LOGO must be the path of a PNG, SVG, WebP or JPEG file of at most ${maxLogoBytes / 1024} KiB: ${bytes === undefined ? 'there is none that can be read' : 'this file is not one'}. Example: ./logo.svg`,
    );
    return undefined;
  }
  const version = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  return { bytes, contentType, path: `/brand/logo?v=${version}` };
}

function readFile(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** By what is in the file: browsers are told not to guess, and a name can be wrong. */
function logoType(bytes: Uint8Array): LogoType | undefined {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (start.startsWith('\u{89}PNG\r\n\u{1a}\n')) return 'image/png';
  if (start.startsWith('\u{ff}\u{d8}\u{ff}')) return 'image/jpeg';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'image/webp';
  const text = Buffer.from(bytes).toString('utf8');
  return /^\u{feff}?\s*<(?:!--|(?:svg|\?xml|!DOCTYPE\s+svg)\b)/iu.test(text) && /<svg[\s>]/.test(text)
    ? 'image/svg+xml'
    : undefined;
}
