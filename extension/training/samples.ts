/** Pictures of what a run does to the same few images, drawn along the way into its samples folder. */
import { plainVit } from '../core/checkpoints/teacher-shape';
import { hidesPatches } from '../core/config/method-traits';
import { ImageLoader } from './data/loader';
import type { HostTensor } from '../core/tensors';
import type { StateStore } from './engines/engine';
import { isGpuLost } from './engines/gpu-errors';
import type { TrainingEvents } from './events';
import type { Method } from './methods/method';
import { sinCosPositions } from './nn/positions';
import { vitSpecs } from './nn/vit';
import { lookAt } from './preview/preview-experiment';
import { imageBatch, reconstruct } from './preview/reconstruct';
import { previewSheet, type PreviewSheet } from './preview/sheet';
import { stageAt } from './staged-steps';
import { prepareTeacher, type PreparedTeacher } from './teachers/prepare';
import type { RunTraining } from './train-run';

interface FirstImages {
  readonly images: Float32Array;
  readonly names: readonly string[];
}

export class RunSamples {
  private first: FirstImages | undefined;
  private lastStep: number;

  constructor(
    private readonly task: RunTraining,
    private readonly state: StateStore,
    private readonly events: TrainingEvents,
  ) {
    this.lastStep = task.start.step;
  }

  /** Draws where a picture is due once `step` steps are done: at the start, at the end, and every `samples.every` epochs. */
  async due(step: number): Promise<void> {
    const { timeline, experiment } = this.task.prepared;
    const { every, count } = experiment.samples;
    const period = every * timeline.stepsPerEpoch;
    const crossed = period > 0 && Math.floor(step / period) > Math.floor(this.lastStep / period);
    this.lastStep = step;
    if (!hidesPatches(experiment.method) || count === 0 || this.task.signal.requested) return;
    if (step === 0 || step === timeline.totalSteps || crossed) await this.draw(step);
  }

  /** A picture that cannot be drawn does not end the training it shows; a GPU that is lost does. */
  private async draw(step: number): Promise<void> {
    const { run, engine, prepared } = this.task;
    try {
      const { experiment, method } = stageAt(prepared, step);
      this.first ??= await this.firstImages();
      const { sheet, drawn } = await lookAt(experiment, { engine, ...this.first, teacher: await this.teacher() });
      const name = (kind: string): string => `${kind}-${String(step).padStart(6, '0')}.png`;
      await run.writeSample(name('masks'), await previewSheet({ ...sheet, only: 'masks' }));
      if (sheet.images.some(({ scores }) => scores)) await run.writeSample(name('attention'), await previewSheet({ ...sheet, only: 'attention' }));
      const reconstruction = await this.reconstruction(method, this.first, drawn, sheet);
      if (reconstruction) await run.writeSample(name('reconstruction'), await previewSheet(reconstruction));
    } catch (error) {
      if (isGpuLost(error)) throw error;
      this.events.onMessage?.(`No samples at step ${step}, training goes on: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** The sheet of what the student, as it is now, predicts for the same masks; undefined where it predicts no pixels. */
  private async reconstruction(method: Method, { images }: FirstImages, drawn: Record<string, HostTensor>, sheet: PreviewSheet): Promise<PreviewSheet | undefined> {
    const { engine, prepared } = this.task;
    const { name, student } = prepared.experiment;
    const made = await reconstruct({ engine, method, state: this.state, images: imageBatch(images, student.imageSize), drawn, patchSize: student.patchSize });
    return made && {
      ...sheet,
      title: `${name}: visible patches kept, the others as the student predicts them`,
      only: 'reconstruction',
      reconstructionNote: made.estimated ? 'brightness from visible patches' : '',
      images: sheet.images.map((image, i) => ({ ...image, reconstruction: made.images[i] })),
    };
  }

  /** The first images of the first epoch, augmented as training does. */
  private async firstImages(): Promise<FirstImages> {
    const { experiment, train } = this.task.prepared;
    const loader = new ImageLoader(train, { config: experiment.data, batchSize: Math.min(experiment.samples.count, train.length), seed: experiment.seed });
    try {
      const { images, labels } = await loader.batch(0, 0);
      return { images: images.slice(), names: Array.from(labels, (label) => train.classNames[label] ?? '') };
    } finally {
      await loader.close();
    }
  }

  /** The frozen one, or the student's average as it is now. */
  private async teacher(): Promise<PreparedTeacher | undefined> {
    const { teacher, experiment } = this.task.prepared;
    const { student, data } = experiment;
    if (teacher !== undefined) return prepareTeacher(teacher, student, data);
    if (!experiment.teacher?.ema) return undefined;
    const names = Object.keys(vitSpecs(student));
    const averages = await this.state.read(names.map((name) => `ema.${name}`));
    const tensors = Object.fromEntries(names.map((name) => [name, averages[`ema.${name}`]!]));
    return { tensors: { ...tensors, pos_embed: sinCosPositions(student.width, student.imageSize / student.patchSize) }, shape: plainVit(student, data.mean, data.std) };
  }
}
