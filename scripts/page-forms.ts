/** Finds the forms of a page. For pages as simple as ours: inputs and buttons, no scripts. */

export interface Form {
  readonly method: 'GET' | 'POST';
  readonly action: string;
  /** What is in it before anyone types; a box that is not ticked is not. */
  readonly fields: ReadonlyMap<string, string>;
  /** In their order; one without a name sends nothing of its own. */
  readonly buttons: readonly Button[];
}

interface Button {
  readonly name: string;
  readonly value: string;
}

/** @param url where the page was read from: a form without an action goes back there */
export function readForms(html: string, url: string): readonly Form[] {
  const forms = html.replaceAll(/<!--[\s\S]*?-->/g, '').matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi);
  return [...forms].map(([, attributes = '', content = '']) => readForm(attributes, content, url));
}

export function readTitle(html: string): string | undefined {
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(html)?.[1]?.trim();
  return title === undefined ? undefined : decodeEntities(title);
}

function readForm(attributes: string, content: string, url: string): Form {
  const fields = new Map<string, string>();
  const buttons: Button[] = [];
  for (const [, element = '', text = ''] of content.matchAll(/<(input|button)\b([^>]*)>/gi)) {
    const name = attributeOf(text, 'name') ?? '';
    const value = attributeOf(text, 'value');
    const isButton = element.toLowerCase() === 'button';
    const type = (attributeOf(text, 'type') ?? (isButton ? 'submit' : 'text')).toLowerCase();
    if (type === 'submit') buttons.push({ name, value: value ?? '' });
    else if (type === 'checkbox' || type === 'radio') {
      if (/\schecked\b/i.test(text)) fields.set(name, value ?? 'on');
    } else if (!isButton && name !== '') fields.set(name, value ?? '');
  }
  return {
    method: /^post$/i.test(attributeOf(attributes, 'method') ?? '') ? 'POST' : 'GET',
    action: new URL(attributeOf(attributes, 'action') ?? url, url).href,
    fields,
    buttons,
  };
}

function attributeOf(text: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(text);
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value === undefined ? undefined : decodeEntities(value);
}

const entities = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return entities.get(String(name)) ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(String(hex), 16));
  });
}
