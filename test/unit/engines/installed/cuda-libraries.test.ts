import { describe, expect, it } from 'vitest';
import { cudaChecks, nvidiaDriver } from '../../../../extension/training/engines/installed/cuda-libraries';

/** A machine on which these are not found. */
const without = (...missing: readonly string[]) => (library: string): Promise<string | undefined> => Promise.resolve(missing.includes(library) ? 'cannot open shared object file' : undefined);

describe('what TensorFlow needs of CUDA', () => {
  it('is there where every library loads', async () => {
    expect((await cudaChecks(without())).map(({ name, ok }) => [name, ok])).toEqual([['NVIDIA driver', true], ['CUDA 11', true], ['cuDNN 8', true]]);
  });

  it('names what is missing, and how to mend each', async () => {
    const [driver, cuda, cudnn] = await cudaChecks(without('libcublas.so.11', 'libcudart.so.11.0', 'libcudnn.so.8'));
    expect(driver).toMatchObject({ ok: true });
    expect(cuda).toMatchObject({ ok: false, neededTo: 'run', detail: 'CUDA 11 is incomplete (libcudart.so.11.0, libcublas.so.11: cannot open shared object file)', hint: expect.stringContaining('LD_LIBRARY_PATH') as string });
    expect(cudnn).toMatchObject({ ok: false, detail: 'cuDNN 8 is incomplete (libcudnn.so.8: cannot open shared object file)' });
  });

  it('asks the loader of the system', async () => {
    // Of this process itself.
    const driver = await nvidiaDriver();
    expect(driver.detail).toMatch(driver.ok ? /loads$/ : /^no NVIDIA driver \(libcuda\.so\.1: /);
  });
});
