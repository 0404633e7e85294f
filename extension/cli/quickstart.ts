#!/usr/bin/env node
/**
 * `npm run quickstart`: a teacher, a student pretrained from it, and what both know; without any download.
 * `npm run quickstart -- --seeds 3` repeats the pretraining with other seeds and tells how far they agree.
 */
import { Command } from 'commander';
import { freezeResolved } from '../core/config/freeze';
import { loadExperiment } from '../core/config/load';
import { listRuns } from '../core/runs/list-runs';
import { RunDirectory } from '../core/runs/run-directory';
import type { TrainingOutcome } from '../training/events';
import { pretrain } from '../training/pretrain';
import { StopSignal } from '../training/stop-signal';
import { positiveInteger } from './command';
import { reportError } from './errors';
import { exitCodes } from './exit-codes';
import { findConfig } from './locate';
import { trainingDisplay } from './progress';
import { quickstartReport } from './quickstart-report';
import { stopOnSignals } from './stop-on-signals';
import { processTerminal, styled } from './terminal';
import { shortPath } from './train';

const teacherConfig = 'examples/quickstart-teacher.mim.yaml';
const studentConfig = 'examples/quickstart.mim.yaml';

const terminal = processTerminal();
const signal = new StopSignal();

try {
  const program = new Command('quickstart').option('--seeds <n>', 'pretrain with seeds 0 … n−1', positiveInteger, 1).parse();
  process.exitCode = await quickstart(program.opts<{ seeds: number }>().seeds);
} catch (error) {
  process.exitCode = await reportError(error, terminal, { json: false, debug: process.argv.includes('--debug') });
}

async function quickstart(seeds: number): Promise<number> {
  const started = performance.now();
  const ignoreSignals = stopOnSignals(signal, terminal);
  try {
    let teacher: TrainingOutcome | undefined;
    let teacherRun = await finishedTeacher();
    if (teacherRun === undefined) {
      heading(`Teacher: a small classifier, trained from scratch (${teacherConfig})`);
      teacher = await train(teacherConfig, {});
      if (teacher.state === 'stopped') return stopped(teacher);
      teacherRun = teacher.run;
    } else {
      terminal.note(`Teacher: ${shortPath(teacherRun)} is finished and unchanged; it is used again.`);
    }
    const students: TrainingOutcome[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      heading(`Student: MaskAlign without labels${seeds > 1 ? `, seed ${seed}` : ''} (${studentConfig})`);
      const student = await train(studentConfig, { seed: String(seed), 'teacher.checkpoint': JSON.stringify(teacherRun) }, seed === 0 ? undefined : `quickstart-seed-${seed}`);
      if (student.state === 'stopped') return stopped(student);
      students.push(student);
    }
    terminal.note('');
    for (const line of quickstartReport({ teacher, teacherRun, students, seconds: (performance.now() - started) / 1000 })) terminal.out(line);
    return exitCodes.done;
  } finally {
    ignoreSignals();
  }
}

/** A finished run of exactly the teacher's experiment. */
async function finishedTeacher(): Promise<string | undefined> {
  const { resolved } = await loadExperiment(findConfig(teacherConfig));
  const wanted = freezeResolved(resolved);
  for (const { path, state } of await listRuns(resolved.runs)) {
    if (state !== 'finished') continue;
    const run = await RunDirectory.open(path);
    if ((await run.readConfig()) === wanted) return path;
  }
  return undefined;
}

async function train(configFile: string, overrides: Record<string, string>, name?: string): Promise<TrainingOutcome> {
  const display = trainingDisplay(terminal, { json: false });
  try {
    return await pretrain({ configFile: findConfig(configFile), overrides, name, events: display.events, signal });
  } finally {
    display.close();
  }
}

function heading(text: string): void {
  terminal.note(`\n${styled(terminal, 'bold', text)}`);
}

function stopped({ run }: TrainingOutcome): number {
  terminal.note(`Stopped. Go on with: node dist/mim.mjs resume ${shortPath(run)}; then run the quickstart again.`);
  return exitCodes.stopped;
}
