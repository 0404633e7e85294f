/** Captions as an SVG overlay. Drawing text needs a font on the machine; where there is none, sheets go without. */
import sharp from 'sharp';

export interface Caption {
  readonly text: string;
  /** Left end of the baseline, in pixels. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly bold?: boolean;
}

const FONTS = 'Inter, "Segoe UI", "Helvetica Neue", "DejaVu Sans", "Liberation Sans", Arial, sans-serif';
const INK = '#1f2328';

export function captionsSvg(width: number, height: number, captions: readonly Caption[]): string {
  const texts = captions.map(({ text, x, y, size, bold }) => `<text x="${x}" y="${y}" font-size="${size}"${bold ? ' font-weight="bold"' : ''}>${escapeXml(text)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g font-family='${FONTS}' fill="${INK}">${texts.join('')}</g></svg>`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

let drawsText: Promise<boolean> | undefined;

/** Whether this machine has a font: without one, every letter looks the same, or like nothing. */
export function canDrawText(): Promise<boolean> {
  drawsText ??= Promise.all([drawn('M'), drawn('i')]).then(([wide, narrow]) => wide.some((value) => value > 0) && !wide.equals(narrow));
  return drawsText;
}

async function drawn(text: string): Promise<Buffer> {
  return sharp(Buffer.from(captionsSvg(32, 32, [{ text, x: 4, y: 24, size: 20 }])))
    .ensureAlpha()
    .extractChannel('alpha')
    .raw()
    .toBuffer();
}
