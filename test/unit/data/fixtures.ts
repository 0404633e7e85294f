/** Small image sets in every format, made as the tests run. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import sharp from 'sharp';
import { pack } from 'tar-stream';
import { afterAll } from 'vitest';
import { dataSchema, type DataConfig } from '../../../extension/core/config/schema';

/** A folder that is removed when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mim-data-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function write(folder: string, name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

export function dataConfig(input: Partial<DataConfig>): DataConfig {
  return dataSchema.required({ crop_scale: true, flip: true }).parse({ image_size: 32, crop_scale: [0.2, 1], flip: 0.5, ...input });
}

/** A plain square of one colour, as a PNG. */
export function png(red: number, green = red, blue = red, size = 8): Promise<Buffer> {
  return sharp({ create: { width: size, height: size, channels: 3, background: { r: red, g: green, b: blue } } })
    .png()
    .toBuffer();
}

export function jpeg(red: number, size = 8): Promise<Buffer> {
  return sharp({ create: { width: size, height: size, channels: 3, background: { r: red, g: 128, b: 64 } } })
    .jpeg()
    .toBuffer();
}

/** A tar as tar-stream writes it. */
export async function tar(entries: readonly (readonly [name: string, body: Uint8Array | string])[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, body] of entries) archive.entry({ name }, Buffer.from(body));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** idx bytes: dimensions, then values. */
export function idx(dims: readonly number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.set([0, 0, 8, dims.length]);
  dims.forEach((dim, i) => header.writeUInt32BE(dim >>> 0, 4 + 4 * i));
  return Buffer.concat([header, Buffer.from(Array.from(values))]);
}

/** CIFAR records: labels, then three planes of one value each. */
export function cifar(records: readonly { readonly labels: readonly number[]; readonly rgb: readonly [number, number, number] }[]): Buffer {
  return Buffer.concat(records.flatMap(({ labels, rgb }) => [Buffer.from(labels), ...rgb.map((value) => Buffer.alloc(1024, value))]));
}

export interface ParquetOptions {
  readonly rowGroupSize?: number;
  readonly pageSize?: number;
  readonly codec?: 'SNAPPY' | 'UNCOMPRESSED';
  /** Numbers, or texts; undefined where one is missing. */
  readonly labels?: readonly (number | bigint | string | undefined)[];
  readonly names?: readonly string[];
}

/** A Hugging Face image set: struct `image {bytes, path}` and `label`. */
export function parquet(images: readonly (Uint8Array | undefined)[], options: ParquetOptions = {}): Buffer {
  const labels = options.labels ?? images.map((_, i) => BigInt(i % 3));
  const areTexts = labels.some((label) => typeof label === 'string');
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    codec: options.codec ?? 'SNAPPY',
    rowGroupSize: options.rowGroupSize ?? 4,
    pageSize: options.pageSize,
    schema: [
      { name: 'root', num_children: 2 },
      { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      { name: 'label', type: areTexts ? 'BYTE_ARRAY' : 'INT64', converted_type: areTexts ? 'UTF8' : undefined, repetition_type: 'OPTIONAL' },
    ],
    columnData: [
      { name: 'image', data: images.map((bytes, i) => ({ bytes, path: `${i}.png` })) },
      { name: 'label', data: labels.map((label) => (typeof label === 'number' ? BigInt(label) : label)) },
    ],
    kvMetadata: options.names ? [{ key: 'huggingface', value: JSON.stringify({ info: { features: { label: { names: options.names } } } }) }] : [],
  });
  return Buffer.from(writer.getBytes());
}
