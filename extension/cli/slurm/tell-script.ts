/** `mim slurm script`: what would be submitted. */
import { parseExperiment } from '../../core/config/parse';
import { launcherKind, slurmLauncher } from '../../core/launchers/launcher';
import { jobScript } from '../../core/launchers/slurm/script';
import { planScript, resolveOptions } from '../../core/launchers/slurm/submit';
import { plannedSweep, type SweepOptions } from '../sweep-plan';
import type { Terminal } from '../terminal';
import { ownPrograms } from './launch';

export async function tellScript(terminal: Terminal, options: SweepOptions): Promise<void> {
  const sweep = await plannedSweep(options);
  const config = parseExperiment(sweep.source, options.configFile, options.overrides).experiment?.launcher ?? 'slurm';
  const launcher = launcherKind(config) === 'slurm' ? slurmLauncher(config) : slurmLauncher('slurm');
  const cells = sweep.plan.filter(({ action }) => action !== 'skip').map(({ index }) => index);
  const plan = planScript({ sweepName: sweep.name, runs: sweep.runs, launcher, ...ownPrograms() }, await resolveOptions(launcher), cells.length > 0 ? cells : sweep.plan.map(({ index }) => index), 'job');
  terminal.out(jobScript(plan).trimEnd());
}
