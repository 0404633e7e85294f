/** A job is asked to end: its run saves a checkpoint first. */
import os from 'node:os';
import { errorCode } from '../files/durable-files';
import { UserError } from '../problems';
import { RunDirectory } from '../runs/run-directory';
import { readJobRecord, readWorker } from './job-files';
import { isOver, readJob } from './job-state';

/** Does nothing where it is over. @throws UserError MIM7304 where it cannot be reached from this machine */
export async function stopJob(folder: string): Promise<void> {
  const record = await readJobRecord(folder);
  const now = await readJob(folder);
  if (record === undefined || now === undefined || isOver(now.state)) return;
  const worker = (await readWorker(folder)) ?? record.process;
  // A signal also reaches a sweep between two runs. Windows has none that can be answered, other hosts are out of reach.
  const signals = process.platform !== 'win32' && worker?.host === os.hostname();
  if (!signals && now.run !== undefined && record.spec.kind !== 'evaluate') await (await RunDirectory.open(now.run)).requestStop();
  else if (worker?.host === os.hostname()) terminate(worker.pid);
  else throw new UserError('MIM7304', `The job was started on ${record.host} and has no run that could be asked to stop.`, 'Stop it on that machine.');
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
