/** Opens a reader from its description, in whichever thread asks. */
import type { ImageReader } from './source';
import { FilesReader, type FilesSpec } from './folder-source';
import { ParquetReader, type ParquetSpec } from './parquet-source';
import { PixelsReader, type PixelsSpec } from './pixels-source';
import { openSubsetReader, type SubsetSpec } from './subset-source';
import { RangesReader, type RangesSpec } from './tar-source';
import { ShapesReader, type ShapesSpec } from './shapes-source';

/** Plain data (strings, numbers, shared arrays): survives `postMessage`. */
export type ReaderSpec = FilesSpec | RangesSpec | PixelsSpec | ParquetSpec | ShapesSpec | SubsetSpec;

/** @throws UserError where the data is gone. */
export async function openReader(spec: ReaderSpec): Promise<ImageReader> {
  switch (spec.kind) {
    case 'files':
      return new FilesReader(spec);
    case 'ranges':
      return new RangesReader(spec);
    case 'pixels':
      return new PixelsReader(spec);
    case 'parquet':
      return new ParquetReader(spec);
    case 'shapes':
      return new ShapesReader(spec);
    case 'subset':
      return openSubsetReader(spec, await openReader(spec.of));
    default:
      throw new Error(`No reader for ${JSON.stringify(spec satisfies never)}`);
  }
}
