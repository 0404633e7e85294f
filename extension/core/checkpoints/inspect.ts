/** What is in a weight file: its tensors, the model they make, and, on demand, the statistics that show a sick one. */
import { UserError } from '../problems';
import { elementCount, type HostTensor } from '../tensors';
import { bytesPerElement, type StoredDtype } from './dtypes';
import { resolveWeights } from './find-weights';
import { planImport, reportOf, type ImportReport } from './import-teacher';
import { openTensors } from './open-tensors';
import { Statistics, type TensorStatistics } from './statistics';
import type { TeacherShape } from './teacher-shape';
import type { TensorSource } from './tensor-source';

export interface TensorSummary {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** As stored. */
  readonly bytes: number;
}

export interface FileSummary {
  /** The file read, also where a folder was given. */
  readonly file: string;
  readonly kind: TensorSource['kind'];
  readonly tensors: readonly TensorSummary[];
  /** Elements of all tensors. */
  readonly elements: number;
  /** Bytes of all tensors as stored. */
  readonly bytes: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** The encoder in it, as importing it as a teacher would see it. */
  readonly model?: { readonly shape: TeacherShape; readonly report: ImportReport };
  /** Why it cannot serve as a teacher, where it cannot. */
  readonly notAModel?: string;
}

/** @throws UserError where there is nothing to read or the file is damaged. */
export async function inspectFile(path: string): Promise<FileSummary> {
  const source = await openTensors(await resolveWeights(path));
  try {
    const tensors = [...source.entries].map(([name, { dtype, shape }]) => ({ name, dtype, shape, bytes: elementCount(shape) * bytesPerElement(dtype) }));
    return {
      file: source.file,
      kind: source.kind,
      tensors,
      elements: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
      metadata: source.metadata,
      ...(await describeModel(source)),
    };
  } finally {
    await source.close();
  }
}

async function describeModel(source: TensorSource): Promise<Pick<FileSummary, 'model' | 'notAModel'>> {
  try {
    const plan = await planImport(source, {});
    return { model: { shape: plan.shape, report: reportOf(source, plan) } };
  } catch (error) {
    if (error instanceof UserError) return { notAModel: error.message };
    throw error;
  }
}

/**
 * Statistics of the tensors named, read one at a time.
 * @param names all where absent.
 */
export async function tensorStatistics(path: string, names?: readonly string[]): Promise<Record<string, TensorStatistics>> {
  const source = await openTensors(await resolveWeights(path));
  try {
    const statistics: Record<string, TensorStatistics> = {};
    for (const name of names ?? source.entries.keys()) statistics[name] = statisticsOf(await source.read(name));
    return statistics;
  } finally {
    await source.close();
  }
}

export function statisticsOf({ data }: HostTensor): TensorStatistics {
  const statistics = new Statistics();
  statistics.add(data);
  return statistics.result();
}
