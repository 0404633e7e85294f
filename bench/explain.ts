/**
 * Where the time of a compiled training step goes: the operations of its graph, what each kind took, and the memory it needs.
 *
 *   npm run bench:explain -- [--engine native] [--size tiny] [--steps 6] [--threads 2] [--int8] [--cached] [--shapes Gemm]
 *
 * `--engine native`, where that works the default, counts the processor's clocks by kernel; `compiled-cpu` has ONNX Runtime's own
 * profile, with which a step takes a few per cent longer. Of the latter, `--shapes Gemm,Add` also lists those operations by the
 * shapes they were given, products with the rate they reached; of a constant that was arranged beforehand the profile has no shape.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { nativeSupport } from '../extension/training/engines/native/native-support';
import { explainNative } from './explain-native';
import { explainOnnx } from './explain-onnx';
import { stepSizes, type StepSizeName } from './step-case';

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: nativeSupport() === undefined ? 'native' : 'compiled-cpu' },
    size: { type: 'string', default: 'tiny' },
    steps: { type: 'string', default: '6' },
    threads: { type: 'string', default: String(availableParallelism()) },
    int8: { type: 'boolean', default: false },
    cached: { type: 'boolean', default: false },
    shapes: { type: 'string', default: '' },
  },
});
const size = stepSizes[options.size as StepSizeName];
if (!size) throw new Error(`--size is one of ${Object.keys(stepSizes).join(', ')}`);
const asked = { size, name: options.size, steps: Number(options.steps), threads: Number(options.threads), int8: options.int8, cached: options.cached };
if (options.engine === 'native') await explainNative(asked);
else if (options.engine === 'compiled-cpu') await explainOnnx(asked, options.shapes.split(',').filter((op) => op !== ''));
else throw new Error('--engine is native or compiled-cpu');
