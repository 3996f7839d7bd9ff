/** The logo, read at start: what it is shows its content, not its name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readBrand } from '../../src/config-brand.ts';

const folder = mkdtempSync(join(tmpdir(), 'mop-brand-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(bytes: string | Buffer, name: string | undefined = 'Acme') {
  const file = join(folder, 'logo');
  writeFileSync(file, bytes);
  const problems: string[] = [];
  const brand = readBrand({ BRAND_NAME: name, BRAND_LOGO: file }, problems);
  return { brand, problems };
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('the logo', () => {
  test.each([
    ['image/png', latin1('\u{89}PNG\r\n\u{1a}\n and so on')],
    ['image/jpeg', latin1('\u{ff}\u{d8}\u{ff}\u{e0} and so on')],
    ['image/webp', latin1('RIFF\0\0\0\0WEBP and so on')],
    ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"></svg>'],
    ['image/svg+xml', '\u{feff}<?xml version="1.0"?>\n<!-- x -->\n<svg></svg>'],
    ['image/svg+xml', '<!-- made by hand -->\n<svg></svg>'],
    ['image/svg+xml', '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg></svg>'],
  ])('%s is taken', (contentType, bytes) => {
    const { brand, problems } = read(bytes);
    expect(problems).toEqual([]);
    expect(brand.logo?.contentType).toBe(contentType);
  });

  test.each([
    ['a page', '<!doctype html><html><svg></svg></html>'],
    ['a page without a doctype', '<html><svg></svg></html>'],
    ['a script', 'alert("<svg>")'],
    ['XML of another kind', '<?xml version="1.0"?><rss></rss>'],
    ['a GIF', 'GIF89a'],
    ['nothing', ''],
    ['more than 256 KiB', `<svg>${' '.repeat(262_144)}</svg>`],
  ])('%s is refused', (_, bytes) => {
    const { brand, problems } = read(bytes);
    expect(brand.logo).toBeUndefined();
    expect(problems).toEqual([expect.stringMatching(/^BRAND_LOGO must be .* Example: /) as string]);
  });

  test('another picture is at another address: browsers may keep the old one', () => {
    expect(read('<svg>1</svg>').brand.logo?.path).not.toBe(read('<svg>2</svg>').brand.logo?.path);
  });

  test('it needs the name, for those who cannot see it (WCAG 2.2 §1.1.1)', () => {
    const file = join(folder, 'logo');
    writeFileSync(file, '<svg></svg>');
    const problems: string[] = [];
    readBrand({ BRAND_LOGO: file }, problems);
    expect(problems).toEqual([expect.stringContaining('BRAND_NAME is missing') as string]);
  });
});
