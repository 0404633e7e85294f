/** Programs as machine code keep what every engine promises, and compute every operation that the tracer knows. */
import { beforeAll, describe, it } from 'vitest';
import { NativeEngine } from '../../../../extension/training/engines/native/native-engine';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { expectSame, runEagerly } from '../comparing';
import { keepsEngineContract } from '../engine-contract';
import { kernelBatch, kernelCases, kernelProgram } from '../kernel-cases';

describe.skipIf(nativeSupport() !== undefined)('native engine', () => {
  let engine: NativeEngine;
  beforeAll(async () => {
    engine = await NativeEngine.create({ threads: 1 });
  });

  keepsEngineContract(() => engine);

  it.each(Object.keys(kernelCases))('%s', async (name) => {
    const program = kernelProgram(name);
    const expected = await runEagerly(program, {}, [kernelBatch]);
    const compiled = await engine.compile(program);
    const [actual] = await compiled.run(engine.createState({}), [kernelBatch]);
    expectSame(actual!, expected.readings[0]!, 2e-6);
    await compiled.dispose();
  });
});
