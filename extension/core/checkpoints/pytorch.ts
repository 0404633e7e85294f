import { UserError } from '../problems';
import type { TensorSource } from './tensor-source';

export function openPytorch(file: string): Promise<TensorSource> {
  return Promise.reject(new UserError('MIM7010', `${file} is a PyTorch file, which is not read yet`));
}
