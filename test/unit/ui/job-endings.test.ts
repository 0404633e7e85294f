import { describe, expect, it } from 'vitest';
import type { Job, JobState } from '../../../extension/core/jobs/job';
import { endingOf, JobEndings } from '../../../extension/ui/commands/job-endings';

const job = (id: string, state: JobState, changes: Partial<Job> = {}): Job => ({ id, folder: `/jobs/${id}`, state, startedAt: '2026-01-01T00:00:00Z', spec: { kind: 'pretrain', configFile: '/w/a.mim.yaml' }, ...changes });

const opened = '2026-01-02T00:00:00Z';

describe('endings', () => {
  it('are told once, of jobs that were not over before', () => {
    const endings = new JobEndings(opened, [job('old', 'failed'), job('a', 'starting')]);
    expect(endings.look([job('old', 'failed'), job('a', 'failed'), job('b', 'running')]).map(({ id }) => id)).toEqual(['a']);
    expect(endings.look([job('old', 'failed'), job('a', 'failed'), job('b', 'done')]).map(({ id }) => id)).toEqual(['b']);
    expect(endings.look([job('a', 'failed'), job('b', 'done')])).toEqual([]);
  });

  it('are told of a job that died before it was seen at work', () => {
    expect(new JobEndings(opened, []).look([job('a', 'failed')])).toHaveLength(1);
    const quick = job('quick', 'failed', { startedAt: '2026-01-02T00:00:01Z' });
    expect(new JobEndings(opened, [quick]).look([quick])).toEqual([quick]);
  });

  it('leave out what the user stopped', () => {
    expect(new JobEndings(opened, [job('a', 'running')]).look([job('a', 'stopped')])).toEqual([]);
  });

  it('say which experiment, and why', () => {
    expect(endingOf(job('a', 'failed', { message: 'MIM2001: no images in ./data' }))).toEqual({ text: 'The run of a.mim.yaml failed: MIM2001: no images in ./data', isFailure: true });
    expect(endingOf(job('a', 'done', { spec: { kind: 'evaluate', run: '/w/runs/r', protocol: 'knn' } }))).toEqual({ text: 'The evaluation of r is finished.', isFailure: false });
    expect(endingOf(job('a', 'lost', { spec: { kind: 'resume', run: '/w/runs/r' } })).text).toContain('r, resumed, died');
  });
});
