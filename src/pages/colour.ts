/** Colours as `#rrggbb`, and whether one can be read on another. */

/** Six hexadecimal digits in lower case after `#`. */
export type Colour = `#${string}`;

/** From `#2448C4`, `2448c4` or `#24c`. Undefined for anything else. */
export function readColour(text: string): Colour | undefined {
  const [, digits] = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const six = digits.length === 6 ? digits : digits.replaceAll(/./g, '$&$&');
  return `#${six.toLowerCase()}`;
}

/** From 1 to 21 (WCAG 2.2, "contrast ratio"). */
export function contrast(one: Colour, other: Colour): number {
  const [dim = 0, bright = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (bright + 0.05) / (dim + 0.05);
}

/** The colour, with as little of `towards` in it as it takes to reach 4.5:1 on all `grounds` (WCAG 2.2 §1.4.3). */
export function readableOn(grounds: readonly Colour[], colour: Colour, towards: Colour): Colour {
  const steps = Array.from({ length: 101 }, (_, percent) => mix(colour, towards, percent / 100));
  return steps.find((step) => grounds.every((ground) => contrast(step, ground) >= 4.5)) ?? towards;
}

function mix(colour: Colour, other: Colour, share: number): Colour {
  const channels = channelsOf(other);
  const mixed = channelsOf(colour).map((channel, index) =>
    Math.round(channel + ((channels[index] ?? 0) - channel) * share),
  );
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/** WCAG 2.2, "relative luminance". */
function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = channelsOf(colour).map((byte) => {
    const channel = byte / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function channelsOf(colour: Colour): readonly number[] {
  return [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16));
}
