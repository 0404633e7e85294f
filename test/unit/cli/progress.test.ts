import { describe, expect, it } from 'vitest';
import { trainingDisplay } from '../../../extension/cli/progress';
import type { StepProgress, TrainingEvents } from '../../../extension/training/events';
import { recordingTerminal } from './recording-terminal';

const progress = (step: number): StepProgress => ({ step, totalSteps: 100, epoch: step / 10, loss: 0.85, imagesPerSecond: 123.4, etaSeconds: 3725, learningRate: 6e-4 });
const evaluation = { subject: 'student', protocol: 'knn', features: 'cls', step: 50, top1: 0.7512 } as Parameters<NonNullable<TrainingEvents['onEvaluation']>>[0];

/** A clock that a test moves. */
function handClock(): { now: number; read: () => number } {
  const clock = { now: 0, read: () => clock.now };
  return clock;
}

describe('in a log', () => {
  it('there is a line for the first step, one every ten seconds, and one for the last step', () => {
    const terminal = recordingTerminal();
    const clock = handClock();
    const { events } = trainingDisplay(terminal, { json: false, clock: clock.read });
    for (let step = 1; step <= 100; step++) {
      clock.now = step * 300;
      events.onStep(progress(step));
    }
    expect(terminal.stderr.map((line) => /^step (\d+)\/100/.exec(line)?.[1])).toEqual(['1', '35', '69', '100']);
    expect(terminal.stderr[0]).toContain('loss 0.85');
    expect(terminal.stderr[0]).toContain('123 img/s');
    expect(terminal.stderr[0]).toContain('ETA 1:02:05');
    expect(terminal.stdout).toEqual([]);
  });
});

describe('a download', () => {
  const received = (count: number) => ({ file: 'timm/vit/model.safetensors', received: count * 1e6, total: 100e6 });

  it('that is short says nothing, a long one a line every ten seconds and the last', () => {
    const terminal = recordingTerminal();
    const clock = handClock();
    const { events } = trainingDisplay(terminal, { json: false, clock: clock.read });
    events.onDownload(received(100));
    expect(terminal.stderr).toEqual([]);
    for (let count = 1; count <= 100; count++) {
      clock.now = count * 250;
      events.onDownload(received(count));
    }
    expect(terminal.stderr).toEqual([40, 80, 100].map((count) => `downloading timm/vit/model.safetensors: ${count}.0 MB of 100.0 MB (${count} %)`));
  });

  it('is an event a second with --json, and the last', () => {
    const terminal = recordingTerminal();
    const clock = handClock();
    const { events } = trainingDisplay(terminal, { json: true, clock: clock.read });
    for (let count = 1; count <= 100; count++) {
      clock.now = count * 30;
      events.onDownload(received(count));
    }
    const lines = terminal.stdout.map((line) => JSON.parse(line) as { event: string; received: number });
    expect(lines.map(({ event }) => event)).toEqual(Array(4).fill('download'));
    expect(lines.at(-1)).toMatchObject({ received: 100e6, total: 100e6 });
  });
});

describe('with --json', () => {
  it('stdout is JSON lines, steps at most one a second, and people are told on stderr', () => {
    const terminal = recordingTerminal();
    const clock = handClock();
    const { events } = trainingDisplay(terminal, { json: true, clock: clock.read });
    events.onStart(['learning rate  0.0006'], '/runs/a');
    for (let step = 1; step <= 100; step++) {
      clock.now = step * 100;
      events.onStep(progress(step));
    }
    events.onEvaluation(evaluation);
    events.onMessage('cat.jpg cannot be read');
    const lines = terminal.stdout.map((line) => JSON.parse(line) as { event: string; step?: number });
    expect(lines.map(({ event }) => event)).toEqual(['start', ...Array<string>(11).fill('step'), 'evaluation', 'message']);
    expect(lines.filter(({ event }) => event === 'step').at(-1)?.step).toBe(100);
    expect(terminal.stderr).toContain('student · knn on cls features at step 50: 75.12 %');
  });
});

describe('on a terminal', () => {
  it('a bar shows progress, and messages stand above it', () => {
    const terminal = recordingTerminal({ interactive: true });
    const { events, close } = trainingDisplay(terminal, { json: false });
    events.onStart(['student  ViT'], '/runs/a');
    events.onStep(progress(10));
    events.onMessage('cat.jpg cannot be read');
    events.onStep(progress(20));
    close();
    expect(terminal.drawn()).toContain('10%');
    expect(terminal.drawn()).toContain('ETA 1:02:05');
    expect(terminal.stderr).toEqual(['student  ViT', 'cat.jpg cannot be read', expect.stringContaining('step 20/100')]);
  });

  it('the bar ends with the training, so that the process can', () => {
    const terminal = recordingTerminal({ interactive: true });
    const { events, close } = trainingDisplay(terminal, { json: false });
    events.onStep(progress(100));
    close();
    const drawn = terminal.drawn();
    events.onMessage('late');
    expect(terminal.drawn()).toBe(drawn);
  });
});
