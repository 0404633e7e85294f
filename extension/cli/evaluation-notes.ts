/** How far a probe is, in words. */
import type { EvaluationProgress } from '../training/evaluation/evaluate';
import type { ProbeSubject } from '../training/probe-results';

const phases: Record<EvaluationProgress['phase'], string> = {
  'train-features': 'features of the training images',
  'test-features': 'features of the test images',
  probe: 'probe',
  finetune: 'fine-tuning, step',
};

export function evaluationProgressText({ phase, done, total }: EvaluationProgress, subject: ProbeSubject): string {
  return `evaluating ${subject}: ${phases[phase]}, ${done}${total === undefined ? '' : ` of ${total}`}`;
}

/** Hands on a line every `interval` milliseconds: short probes say nothing, long ones that they live. */
export function pacedEvaluationNotes(note: (line: string) => void, clock: () => number = Date.now, interval = 10_000): (progress: EvaluationProgress, subject: ProbeSubject) => void {
  let next = clock() + interval;
  return (progress, subject) => {
    const now = clock();
    if (now < next) return;
    next = now + interval;
    note(evaluationProgressText(progress, subject));
  };
}
