/** `mim queue add`: what is named on the command line becomes entries. */
import type { EvaluationProtocol, FeatureKind } from '../core/config/evaluation-choices';
import { UserError } from '../core/problems';
import { addPlanned, planEntries, type Target } from '../core/queue/plan-entries';
import type { Queue } from '../core/queue/queue';
import type { Cli } from './command';
import { exitCodes } from './exit-codes';
import { findConfig, findRun, isRunDirectory } from './locate';
import { printJson } from './terminal';

export interface AddOptions {
  readonly priority: number;
  readonly after: readonly string[];
  readonly chain?: boolean;
  readonly probe?: EvaluationProtocol;
  readonly features?: FeatureKind;
  readonly device?: 'cpu' | 'gpu';
  readonly memory?: number;
  readonly threads?: number;
  readonly accumulate: boolean;
  readonly name?: string;
  readonly set: Readonly<Record<string, string>>;
  readonly runs: string;
  readonly start: boolean;
  readonly json?: boolean;
}

/** @throws ConfigError, UserError before anything is added */
export async function addToQueue({ terminal }: Cli, queue: Queue, what: readonly string[], options: AddOptions): Promise<void> {
  const { priority, after, chain, device, memory, threads, accumulate } = options;
  const targets = what.map((named) => targetOf(named, options));
  const probe = options.probe && { protocol: options.probe, ...(options.features && { features: options.features }) };
  const planned = await planEntries(queue, targets, { priority, after, chain, device, memory, threads, keepBatch: !accumulate, probe });
  const ids = await addPlanned(queue, planned);
  const started = options.start && (await queue.ensureSupervisor());
  if (options.json === true) {
    printJson(terminal, { queue: queue.folder, ids });
    return;
  }
  for (const [place, { record }] of planned.entries()) terminal.out(`${ids[place]}  ${record.spec.kind} ${record.name}`);
  terminal.note(`${started ? 'A supervisor was started in the background. ' : ''}Watch with: mim queue list`);
}

/** @throws UserError MIM9010, MIM9011, MIM7436 */
function targetOf(named: string, { set, name, runs, probe }: AddOptions): Target {
  const entry = /^@(\d+)$/.exec(named)?.[1];
  if (entry !== undefined) {
    if (probe !== undefined) return { kind: 'entry', id: entry };
    throw new UserError('MIM7436', `${named} is the run of an entry, and it is not said what to do with it.`, `Add --probe linear or --probe knn; an entry that failed goes on with \`mim queue retry ${entry}\`.`, exitCodes.usage);
  }
  if (isRunDirectory(named) || !/\.ya?ml$/i.test(named)) return { kind: 'run', run: findRun(named, runs) };
  return { kind: 'experiment', configFile: findConfig(named), set, name };
}
