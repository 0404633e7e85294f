/** Weights in a file of either format: what is there is known at once, tensors are read one at a time. */
import type { HostTensor } from '../tensors';
import type { StoredDtype } from './dtypes';

export interface TensorEntry {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
}

export interface TensorSource {
  readonly file: string;
  readonly kind: 'safetensors' | 'pytorch';
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Safetensors metadata; empty for PyTorch files. */
  readonly metadata: Readonly<Record<string, string>>;
  read(name: string): Promise<HostTensor>;
  close(): Promise<void>;
}
