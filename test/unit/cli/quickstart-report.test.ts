import { describe, expect, it } from 'vitest';
import { quickstartReport } from '../../../extension/cli/quickstart-report';
import type { TrainingOutcome } from '../../../extension/training/events';

function outcome(run: string, student: number, random: number): TrainingOutcome {
  const evaluation = (subject: string, step: number, top1: number): object => ({ subject, protocol: 'linear', features: 'cls', step, top1 });
  return {
    run,
    state: 'finished',
    steps: 800,
    seconds: 95,
    imagesPerSecond: 842.4,
    evaluations: [evaluation('student', 400, 0.2), evaluation('student', 800, student), evaluation('random', 0, random), evaluation('teacher', 0, 0.9)] as TrainingOutcome['evaluations'],
  };
}

describe('the report of the quickstart', () => {
  it('shows the last accuracy of student, random student and teacher, with cost and run directory', () => {
    const report = quickstartReport({ teacherRun: '/runs/teacher', students: [outcome('/runs/student', 0.7, 0.4)], seconds: 130 }).join('\n');
    expect(report).toMatch(/student, pretrained without labels +70\.00 %\n/);
    expect(report).toMatch(/student, random-initialised +40\.00 %\n/);
    expect(report).toMatch(/teacher +90\.00 %\n/);
    expect(report).toContain('+30.00 points');
    expect(report).toMatch(/student +800 +1:35 +842 +\/runs\/student/);
    expect(report).toMatch(/teacher +trained before +\/runs\/teacher/);
    expect(report).toContain('All of it took 2:10.');
  });

  it('of several seeds gives mean, range, and the margin of each seed', () => {
    const students = [outcome('/runs/a', 0.7, 0.4), outcome('/runs/b', 0.6, 0.4), outcome('/runs/c', 0.39, 0.4)];
    const report = quickstartReport({ teacherRun: '/runs/teacher', students, seconds: 1 }).join('\n');
    expect(report).toMatch(/student, pretrained without labels +56\.33 % \(39\.00 % – 70\.00 %\)/);
    expect(report).toContain('+30.00, +20.00, −1.00 points');
    expect(report).toMatch(/student, seed 2 .* \/runs\/c/);
  });
});
