/** Whether the files an experiment names are there and look like what they are said to be. */
import type { Problem } from '../problems';
import type { Locator } from './location';
import { ProblemList } from './problem-list';
import type { Experiment } from './schema';

export async function checkFiles(_experiment: Experiment, file: string, locate: Locator): Promise<Problem[]> {
  return new ProblemList(file, locate).all;
}
