/** Images whose class a small encoder learns in seconds, but does not have by chance: stripes of two directions and two widths. */
import { PixelsSource } from '../../../extension/training/data/pixels-source';
import { RandomStream } from '../../../extension/training/random';

const SIDE = 16;
const CLASSES = ['wide rows', 'wide columns', 'narrow rows', 'narrow columns'];

/** Phase and contrast of each image are drawn, and noise lies over it: no pixel tells the class. */
export function stripes(images: number, seed: number): PixelsSource {
  const bytes = new SharedArrayBuffer(images * SIDE * SIDE);
  const pixels = new Uint8Array(bytes);
  const labels = Int32Array.from({ length: images }, (_, image) => image % CLASSES.length);
  labels.forEach((label, image) => {
    const random = new RandomStream(seed, 'stripes', image);
    const [phase, contrast] = [2 * Math.PI * random.uniform(), 50 + 50 * random.uniform()];
    const period = label < 2 ? 8 : 4;
    for (let at = 0; at < SIDE * SIDE; at++) {
      const across = label % 2 === 0 ? Math.floor(at / SIDE) : at % SIDE;
      const value = 128 + contrast * Math.sin(phase + (2 * Math.PI * across) / period) + 40 * random.normal();
      pixels[image * SIDE * SIDE + at] = Math.max(0, Math.min(255, Math.round(value)));
    }
  });
  return new PixelsSource('stripes', { kind: 'pixels', width: SIDE, height: SIDE, layout: 'grey', bytes }, CLASSES, labels);
}
