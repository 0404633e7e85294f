/**
 * What measured rates decide and how they are told: `engine: auto` takes an engine on a GPU only where it is faster than the processor,
 * for WebGPU also runs in software, and a small GPU may be slower.
 */
import { likelyGpu } from './gpu-devices';

/** See matmul-rate.ts. */
export interface MatmulRate {
  readonly size: number;
  /** 10⁹ floating-point operations a second; a multiply and an add are two. */
  readonly gflops: number;
}

/** Why a GPU's engine that works is not taken; undefined where it is. @param shown whether the system shows a GPU */
export function passedOver(gpu: MatmulRate, cpu: MatmulRate | undefined, shown = likelyGpu()): string | undefined {
  if (!shown) return 'the system shows no GPU, so that this is software';
  return cpu !== undefined && gpu.gflops <= cpu.gflops ? `slower than the processor, ${ratesInWords(gpu, cpu)}` : undefined;
}

/** `5120 against 830 GFLOP/s on matrix products` */
export function ratesInWords(gpu: MatmulRate, cpu: MatmulRate): string {
  return `${gpu.gflops.toFixed(0)} against ${cpu.gflops.toFixed(0)} GFLOP/s on matrix products`;
}

export function rateInWords({ gflops, size }: MatmulRate): string {
  return `${gflops.toFixed(0)} GFLOP/s on ${size}×${size} float32 matrix products`;
}
