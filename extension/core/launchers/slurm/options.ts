/** What is asked of Slurm: the section `launcher` of an experiment, and profiles of it. */
import { z } from 'zod';

const text = z.string().min(1);
/** One line, and no line of its own making: it becomes part of a script. */
const line = z.string().min(1).regex(/^[^\r\n\0]*$/, 'one line');
/** What stands after `#SBATCH --name=`; quotes and spaces have no place there. */
const word = z.string().regex(/^[^\s"'\\;|&$`<>\0]+$/, 'a word without spaces or quotes');
const folder = line;

/** Slurm's forms: minutes, M:S, H:M:S, D-H, D-H:M, D-H:M:S. */
const TIME = /^(\d+|\d+:\d{1,2}|\d+:\d{1,2}:\d{1,2}|\d+-\d{1,2}(:\d{1,2}){0,2})$/;
const MEMORY = /^\d+[KMGT]?$/i;

/** Every key of Slurm but the profile's name: what a profile may hold. */
const slurmShape = {
  host: word.regex(/^[^-]/, 'a host name').optional().meta({ examples: ['login.cluster.example.org'] }).describe('Login node on which Slurm’s commands run, by `ssh`, as `host` or `user@host`; default: this machine. The runs folder must be seen there under the same path.'),
  partition: word.optional().describe('Partition; default: the site’s.'),
  account: word.optional().describe('Account that is charged.'),
  qos: word.optional().describe('Quality of service.'),
  constraint: word.optional().describe('Features that the nodes must have.'),
  gres: word.optional().meta({ examples: ['gpu:1'] }).describe('Generic resources of each cell, such as `gpu:1`.'),
  cpus: z.int().min(1).max(1024).optional().describe('CPUs of each cell. With `engine.threads: 0` it is also the number of compute threads.'),
  memory: z.union([z.int().min(1), z.string().regex(MEMORY, 'a number of megabytes, or a number with K, M, G or T')]).optional().meta({ examples: ['4G'] }).describe('Memory of each cell: megabytes, or with a unit, `4G`.'),
  time: z.union([z.int().min(1), z.string().regex(TIME, 'minutes, H:M:S or D-H:M:S')]).optional().meta({ examples: ['1-00:00:00'] }).describe('Time limit of each start of a cell: minutes, `H:M:S` or `D-H:M:S`. A cell that needs longer saves a checkpoint and is queued again.'),
  array_throttle: z.int().min(1).max(100_000).optional().describe('At most this many cells at once.'),
  signal_before: z.int().min(1).max(65_535).optional().describe('Seconds before the time limit at which a cell saves its checkpoint. Default: 120.'),
  requeue: z.enum(['auto', 'resubmit', 'never']).optional().describe('How an interrupted cell goes on: `auto` requeues its task, or where the site refuses submits the cell again; `resubmit` always submits it again; `never` leaves it stopped. Default: `auto`.'),
  max_requeues: z.int().min(0).max(100_000).optional().describe('Starts anew of one cell before it is left stopped. Default: 100.'),
  modules: z.array(word.describe('A module.')).optional().meta({ examples: [['nodejs/20']] }).describe('Environment modules to load.'),
  setup: z.array(line.describe('A line of bash.')).optional().meta({ examples: [['export TMPDIR=/scratch/$USER']] }).describe('Lines of bash before the cell starts; where one fails the cell does.'),
  container: z.array(line.describe('An argument.')).optional().meta({ examples: [['apptainer', 'exec', '--nv', 'mim.sif']] }).describe('Program and arguments that run a command in a container, each an item.'),
  node: line.optional().describe('Node.js on the compute nodes; default: the one that submits.'),
  mim: line.optional().describe('`mim.mjs` on the compute nodes; default: the one that submits.'),
  work_dir: folder.optional().describe('Folder in which the job runs; default: the runs folder.'),
  sbatch: z.array(line.regex(/^--?\w/, 'an option of sbatch, such as --exclusive').describe('An option.')).optional().meta({ examples: [['--exclusive']] }).describe('Further options of sbatch, one an item.'),
} as const;

export const slurmLauncherSchema = z
  .strictObject({
    kind: z.literal('slurm').describe('The launcher.'),
    profile: text.optional().describe('Name of a profile, from the extension’s settings or `~/.config/mim/profiles.yaml`, whose keys hold where they are not given here.'),
    ...slurmShape,
  })
  .describe('How Slurm is asked.');

export const slurmProfileSchema = z.strictObject({ kind: z.literal('slurm').optional(), ...slurmShape });

export const profilesSchema = z.record(z.string(), slurmProfileSchema);

export type SlurmLauncher = z.output<typeof slurmLauncherSchema>;
export type SlurmProfile = z.output<typeof slurmProfileSchema>;

/** Options with the profile and the defaults filled in. */
export interface SlurmOptions extends Omit<SlurmProfile, 'kind'> {
  readonly signal_before: number;
  readonly requeue: 'auto' | 'resubmit' | 'never';
  readonly max_requeues: number;
}

/** Keys of the experiment hold over those of the profile. */
export function slurmOptions({ kind: _kind, profile: _profile, ...given }: SlurmLauncher, profile: SlurmProfile = {}): SlurmOptions {
  const { kind: _profileKind, ...base } = profile;
  return { signal_before: 120, requeue: 'auto', max_requeues: 100, ...base, ...given };
}
