/** The footer of a Parquet file: its columns, row groups and where they lie. Field numbers are those of parquet.thrift. */
import type { ByteRanges } from './byte-file';
import { count, optionalCount, ParquetDamage, readThrift, structAt, structs, text, type ThriftStruct } from './parquet-thrift';

export interface ParquetFooter {
  readonly columns: readonly ParquetColumn[];
  readonly rowGroups: readonly RowGroup[];
  /** Key-value metadata, such as `huggingface`. */
  readonly metadata: ReadonlyMap<string, string>;
}

export type PhysicalType = 'boolean' | 'int32' | 'int64' | 'int96' | 'float' | 'double' | 'bytes' | 'fixed';

/** A leaf of the schema. */
export interface ParquetColumn {
  /** `image.bytes` */
  readonly path: string;
  readonly type: PhysicalType;
  /** Levels at which a value may be missing. */
  readonly optionalLevels: number;
  /** Whether it lies within a list. */
  readonly repeated: boolean;
}

export interface RowGroup {
  readonly rows: number;
  /** By column path. */
  readonly chunks: ReadonlyMap<string, ColumnChunk>;
}

export interface ColumnChunk {
  readonly start: number;
  readonly size: number;
  /** Number of parquet.thrift's CompressionCodec. */
  readonly codec: number;
}

const TYPES: readonly PhysicalType[] = ['boolean', 'int32', 'int64', 'int96', 'float', 'double', 'bytes', 'fixed'];
const MAGIC = 'PAR1';
const MAX_DEPTH = 16;
/** Some thousand row groups take a megabyte. */
const MAX_FOOTER = 16 * 2 ** 20;

/** @throws ParquetDamage */
export function readParquetFooter(file: ByteRanges): ParquetFooter {
  if (file.size < 12 || Buffer.from(file.read(0, 4)).toString('latin1') !== MAGIC) throw new ParquetDamage('it does not begin as Parquet does');
  const tail = Buffer.from(file.read(file.size - 8, 8));
  if (tail.length < 8 || tail.toString('latin1', 4) !== MAGIC) throw new ParquetDamage('it does not end as Parquet does; it may be cut off');
  const length = tail.readUInt32LE(0);
  if (length > Math.min(file.size - 12, MAX_FOOTER)) throw new ParquetDamage(`its footer claims ${length} bytes`);
  const { value: footer } = readThrift(file.read(file.size - 8 - length, length));
  const columns = leaves(structs(footer, 2, 'schema'));
  const rowGroups = structs(footer, 4, 'row groups').map((group) => rowGroup(group, file.size));
  return { columns, rowGroups, metadata: keyValues(footer) };
}

/** The schema is a tree written depth first: each element says how many of the following are its children. */
function leaves(elements: readonly ThriftStruct[]): ParquetColumn[] {
  const columns: ParquetColumn[] = [];
  let next = 1;
  const visit = (children: number, path: readonly string[], optionalLevels: number, repeated: boolean): void => {
    if (path.length > MAX_DEPTH) throw new ParquetDamage('its schema is nested too deeply');
    for (let i = 0; i < children; i++) {
      const element = elements[next++];
      if (!element) throw new ParquetDamage('its schema ends early');
      const here = [...path, text(element, 4) ?? ''];
      const repetition = optionalCount(element, 3, 'repetition type') ?? 0;
      const optional = optionalLevels + (repetition === 0 ? 0 : 1);
      const inList = repeated || repetition === 2;
      const grandchildren = optionalCount(element, 5, 'number of children') ?? 0;
      if (grandchildren > 0) visit(grandchildren, here, optional, inList);
      else columns.push({ path: here.join('.'), type: TYPES[optionalCount(element, 1, 'column type') ?? -1] ?? 'fixed', optionalLevels: optional, repeated: inList });
    }
  };
  const root = elements[0];
  if (!root) throw new ParquetDamage('its schema is empty');
  visit(count(root, 5, 'number of columns'), [], 0, false);
  return columns;
}

function rowGroup(group: ThriftStruct, fileSize: number): RowGroup {
  const chunks = new Map<string, ColumnChunk>();
  for (const column of structs(group, 1, 'columns')) {
    const meta = structAt(column, 3, 'column metadata');
    const path = meta.get(3);
    if (!Array.isArray(path)) throw new ParquetDamage('a column of it has no path');
    const data = count(meta, 9, 'page offset');
    const dictionary = optionalCount(meta, 11, 'dictionary offset');
    const start = dictionary ? Math.min(dictionary, data) : data;
    const size = count(meta, 7, 'column size');
    if (start + size > fileSize) throw new ParquetDamage('a column of it reaches beyond its end');
    chunks.set(path.map((part) => (part instanceof Uint8Array ? Buffer.from(part).toString('utf8') : '')).join('.'), { start, size, codec: count(meta, 4, 'compression') });
  }
  return { rows: count(group, 3, 'number of rows'), chunks };
}

function keyValues(footer: ThriftStruct): ReadonlyMap<string, string> {
  if (!footer.has(5)) return new Map();
  return new Map(structs(footer, 5, 'metadata').map((pair) => [text(pair, 1) ?? '', text(pair, 2) ?? '']));
}
