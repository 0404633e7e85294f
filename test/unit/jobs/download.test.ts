import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readJob } from '../../../extension/core/jobs/job-state';
import { thisProcess } from '../../../extension/core/runs/processes';
import { tellJobOfDownload, tellJobOfRun } from '../../../extension/cli/job-worker';
import { statusOf } from '../../../extension/ui/status-bar/status-text';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-job-'));
  process.env['MIM_JOB'] = folder;
  const record = { spec: { kind: 'pretrain', configFile: '/lab/my.mim.yaml' }, argv: [], startedAt: new Date().toISOString(), host: os.hostname(), process: await thisProcess() };
  await writeFile(path.join(folder, 'job.json'), JSON.stringify(record));
});
afterEach(async () => {
  delete process.env['MIM_JOB'];
  await rm(folder, { recursive: true, force: true });
});

it('a job that downloads its teacher says how far it is, until there is a run', async () => {
  const progress = { file: 'timm/vit/model.safetensors', received: 40, total: 100 };
  tellJobOfDownload(progress);
  const job = (await readJob(folder))!;
  expect(job).toMatchObject({ state: 'starting', download: progress });
  expect(statusOf([], [job])?.tooltip).toContain('Pretraining of my.mim.yaml: starting, downloading timm/vit/model.safetensors, 40 %');
  tellJobOfDownload({ ...progress, received: 100 });
  expect((await readJob(folder))!.download).toBeUndefined();
  tellJobOfDownload(progress);
  tellJobOfRun('/runs/a');
  expect(await readJob(folder)).toMatchObject({ state: 'running', run: '/runs/a' });
  expect((await readJob(folder))!.download).toBeUndefined();
});
