/** The device of an engine, for tests to lose. */
import type { WgslDevice } from '../../extension/training/engines/wgsl/wgsl-device';
import type { WgslEngine } from '../../extension/training/engines/wgsl/wgsl-engine';

export function deviceOf(engine: WgslEngine): GPUDevice {
  return (Reflect.get(engine, 'device') as WgslDevice).gpu;
}
