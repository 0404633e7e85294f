import { describe, expect, it } from 'vitest';
import { parseSacct, parseSqueue, parseSubmitted } from '../../../extension/core/launchers/slurm/commands';
import { cellState, type CellFacts } from '../../../extension/core/launchers/slurm/states';
import { tasksOf, type HistoryEvent } from '../../../extension/core/launchers/slurm/submission';

const start = (task: string, at = '2026-01-01T00:00:00Z'): HistoryEvent => ({ event: 'start', at, task });
const facts = (more: Partial<CellFacts>): CellFacts => ({ task: '7_0', history: [], run: { state: 'missing' }, ...more });
const reported = (state: string, more: Partial<CellFacts> = {}, reason?: string): CellFacts => facts({ report: { task: '7_0', state, reason }, ...more });

describe('a cell on Slurm is', () => {
  it.each<[string, CellFacts]>([
    ['not submitted', facts({ task: undefined })],
    ['pending', reported('PENDING', {}, 'Resources')],
    ['held', reported('PENDING', {}, 'JobHeldUser')],
    ['requeued', reported('PENDING', { history: [start('7_0')] }, 'BeginTime')],
    ['requeued', reported('PENDING', { task: '8_0', history: [start('7_0'), { event: 'resubmitted', at: '', task: '7_0', as: '8' }] })],
    ['running', reported('RUNNING')],
    ['suspended', reported('SUSPENDED')],
    ['completing', reported('COMPLETING')],
    ['preempted', reported('PREEMPTED', { run: { state: 'stopped' } })],
    ['timeout', reported('TIMEOUT', { run: { state: 'lost' } })],
    ['out of memory', reported('OUT_OF_MEMORY', { run: { state: 'lost' } })],
    ['node failed', reported('NODE_FAIL', { run: { state: 'lost' } })],
    ['cancelled', reported('CANCELLED', { run: { state: 'stopped' } })],
    ['failed', reported('FAILED', { run: { state: 'failed', message: 'the loss is NaN' } })],
    ['stopped', reported('FAILED', { run: { state: 'stopped' } })],
    ['done', reported('COMPLETED', { run: { state: 'finished' } })],
    ['lost', reported('COMPLETED')],
  ])('%s', (state, given) => {
    expect(cellState(given).state).toBe(state);
  });

  it('done where its run says so, whatever became of the job', () => {
    for (const state of ['NODE_FAIL', 'CANCELLED', 'RUNNING']) expect(cellState(reported(state, { run: { state: 'finished' } })).state).toBe('done');
  });

  it('told by its own records once Slurm has forgotten it', () => {
    const end = (code: number, message?: string): HistoryEvent => ({ event: 'end', at: '2026-01-01T00:01:00Z', task: '7_0', code, message });
    expect(cellState(facts({ history: [start('7_0'), end(1, 'the setup of the job failed')] }))).toMatchObject({ state: 'failed', reason: 'the setup of the job failed' });
    expect(cellState(facts({ history: [start('7_0'), { event: 'cancelled', at: '', task: '7_0' }, end(3)], run: { state: 'stopped' } })).state).toBe('cancelled');
    expect(cellState(facts({ history: [start('7_0'), end(3)], run: { state: 'stopped' } })).state).toBe('stopped');
    expect(cellState(facts({ history: [start('7_0')], run: { state: 'lost' } })).state).toBe('lost');
    expect(cellState(facts({})).state).toBe('lost');
    expect(cellState(facts({ history: [start('7_0'), end(1)], exit: { code: 1, at: '2026-01-01T00:00:59Z', message: 'no such file' } })).reason).toBe('no such file');
  });

  it('not said to be lost where Slurm could not be asked', () => {
    expect(cellState(facts({ unknown: true }))).toMatchObject({ state: 'pending', reason: 'Slurm could not be asked' });
    expect(cellState(facts({ unknown: true, history: [start('7_0')], run: { state: 'running' } })).state).toBe('running');
    expect(cellState(facts({ unknown: true, history: [start('7_0'), { event: 'requeued', at: '', task: '7_0' }] })).state).toBe('requeued');
  });

  it('counted by its starts', () => {
    expect(cellState(reported('RUNNING', { history: [start('7_0'), start('7_0'), start('8_0')] })).requeues).toBe(2);
  });
});

describe('Slurm’s answers', () => {
  it('are read line by line, and what is no task is passed over', () => {
    expect(parseSqueue('1_0|RUNNING|None|n1\n1_1|PENDING|(ReqNodeNotAvail, UnavailableNodes:n2)|\nsomething else\n2_[0-3]|PENDING|x|\n')).toEqual([
      { task: '1_0', state: 'RUNNING', node: 'n1' },
      { task: '1_1', state: 'PENDING', reason: '(ReqNodeNotAvail, UnavailableNodes:n2)' },
    ]);
    expect(parseSacct('1_0|CANCELLED by 1000|n1\n1_1|PENDING|None assigned\n')).toEqual([{ task: '1_0', state: 'CANCELLED', node: 'n1' }, { task: '1_1', state: 'PENDING' }]);
  });

  it('name the job, also beside words of the site', () => {
    expect(parseSubmitted('1234\n')).toBe('1234');
    expect(parseSubmitted('Welcome!\n1234;cluster\n')).toBe('1234');
    expect(parseSubmitted('error')).toBeUndefined();
  });
});

describe('the tasks of a cell', () => {
  it('are those submitted and those the script submitted itself, oldest first', () => {
    const submission = (job: string, submittedAt: string) => ({ job, sweep: 's', submittedAt, cells: [0, 2], script: '', host: 'login' });
    const history: HistoryEvent[] = [{ event: 'resubmitted', at: '2026-01-02T00:00:00Z', task: '7_2', as: '9' }];
    expect(tasksOf(2, [submission('7', '2026-01-01T00:00:00Z'), submission('11', '2026-01-03T00:00:00Z')], history).map(({ task, host }) => [task, host])).toEqual([['7_2', 'login'], ['9_2', 'login'], ['11_2', 'login']]);
    expect(tasksOf(1, [submission('7', '')], [])).toEqual([]);
  });
});
