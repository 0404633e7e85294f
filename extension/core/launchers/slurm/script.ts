/**
 * The job script of a sweep: the same text runs as an array of Slurm and by hand, `bash SCRIPT INDEX`.
 *
 * What Slurm does to a cell, and what the script makes of it (checked on Slurm 22.05, see test/cluster):
 *
 *   time limit    SIGUSR1 `signal_before` seconds before; a checkpoint, and the task is queued again
 *   preemption    SIGTERM (SIGUSR1 before it on some sites), `PreemptTime` is set; where Slurm requeues the task itself its
 *                 `Restarts` has grown already, otherwise (a grace period, PreemptMode=CANCEL) the script asks for it
 *   scancel       SIGTERM and no `PreemptTime`; a checkpoint, and the task stays ended
 *   `mim stop`    no signal at all; the same
 *   node dies     nothing runs any more; Slurm requeues the task, and `mim cell` waits until the lock of the dead is stale
 */
import { sbatchQuote, shellQuote } from './quote';
import type { SlurmOptions } from './options';

export interface ScriptPlan {
  readonly sweepName: string;
  /** `<runs>/.mim/sweeps/<name>.json`, absolute. */
  readonly sweepFile: string;
  /** Folder of the sweep's records and logs of Slurm, absolute. */
  readonly folder: string;
  /** Where this script will lie, absolute: what Slurm runs is a copy elsewhere. */
  readonly script: string;
  /** Indexes of the cells. */
  readonly cells: readonly number[];
  readonly workDir: string;
  readonly node: string;
  readonly mim: string;
  /** Failed cells are run anew. */
  readonly retry: boolean;
  readonly options: SlurmOptions;
}

/** A cell whose lock is held is asked for again this often, which outlasts the heartbeat limit of a dead host. */
const BUSY_TRIES = 40;
const BUSY_SECONDS = 15;

export function jobScript(plan: ScriptPlan): string {
  return `${[...heading(plan), ...settings(plan), FUNCTIONS, ...setupLines(plan.options), MAIN].join('\n')}\n`;
}

/** Log of one task, as `--output` makes it. */
export function logFile(folder: string, task: string): string {
  return `${folder}/${task}.log`;
}

/** 0,1,2,5 → `0-2,5`. */
export function arrayRange(cells: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const cell of [...cells].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && cell === range[1] + 1) range[1] = cell;
    else ranges.push([cell, cell]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

function heading({ sweepName, script, folder, workDir, cells, options }: ScriptPlan): string[] {
  const throttle = options.array_throttle === undefined ? '' : `%${options.array_throttle}`;
  const values: [name: string, value: string | number | undefined][] = [
    ['job-name', `mim-${sweepName}`],
    ['array', arrayRange(cells) + throttle],
    ['partition', options.partition],
    ['account', options.account],
    ['qos', options.qos],
    ['constraint', options.constraint],
    ['gres', options.gres],
    ['nodes', 1],
    ['ntasks', 1],
    ['cpus-per-task', options.cpus],
    ['mem', options.memory],
    ['time', options.time],
    ['signal', `B:USR1@${options.signal_before}`],
    ['open-mode', 'append'],
    ['chdir', workDir],
    ['output', logFile(folder.replaceAll('%', '%%'), '%A_%a')],
  ];
  return [
    '#!/bin/bash',
    ...values.flatMap(([name, value]) => (value === undefined ? [] : [`#SBATCH --${name}=${sbatchQuote(String(value))}`])),
    `#SBATCH --${options.requeue === 'never' ? 'no-requeue' : 'requeue'}`,
    ...(options.sbatch ?? []).map((option) => `#SBATCH ${option}`),
    '#',
    `# Cells of the sweep ${sweepName}. With Slurm: sbatch ${shellQuote(script)}`,
    `# One cell by hand: bash ${shellQuote(script)} ${cells[0] ?? 0}`,
    '',
  ];
}

function settings({ sweepFile, folder, script, node, mim, retry, options }: ScriptPlan): string[] {
  const command = [...(options.container ?? []), node, mim, 'cell'].map(shellQuote).join(' ');
  return [
    `command=(${command})`,
    `sweep=${shellQuote(sweepFile)}`,
    `retry=(${retry ? '--retry' : ''})`,
    `script=${shellQuote(script)}`,
    `folder=${shellQuote(folder)}`,
    `requeue=${options.requeue}`,
    `max_requeues=${options.max_requeues}`,
    `busy_tries=${BUSY_TRIES}`,
    `busy_seconds=\${MIM_BUSY_SECONDS:-${BUSY_SECONDS}}`,
    // What `engine.threads: 0` means; without `cpus` it is what Slurm gave, and by hand every core.
    `export MIM_THREADS=${options.cpus ?? '"${SLURM_CPUS_ON_NODE:-0}"'}`,
    '',
    'index="${1:-${SLURM_ARRAY_TASK_ID:-}}"',
    'if [ -z "$index" ]; then echo "usage: bash $0 INDEX, or as a job array of Slurm" >&2; exit 2; fi',
    'task=',
    'if [ -n "${SLURM_ARRAY_JOB_ID:-}" ] && [ -z "${1:-}" ]; then task="${SLURM_ARRAY_JOB_ID}_$index"; fi',
    'starts="${SLURM_RESTART_COUNT:-0}"',
    'restarts=$(( starts + ${MIM_RESTARTS:-0} ))',
    '',
  ];
}

/** With `set -e`, so that no cell starts in half an environment. */
function setupLines({ modules = [], setup = [] }: SlurmOptions): string[] {
  if (modules.length === 0 && setup.length === 0) return [];
  return ["trap 'setup_failed $?' EXIT", 'set -e', ...(modules.length > 0 ? [MODULES] : []), ...modules.map((name) => `module load ${shellQuote(name)}`), ...setup, 'set +e', 'trap - EXIT', ''];
}

/** A shell that is not a login shell may not know `module`. */
const MODULES = 'if ! type module > /dev/null 2>&1; then for file in /etc/profile.d/modules.sh /etc/profile.d/lmod.sh /etc/profile.d/z00_lmod.sh; do if [ -r "$file" ]; then . "$file"; fi; done; fi';

const FUNCTIONS = String.raw`# One line of the cell's history: what happened, to which task, where. Slurm signals every program of the job: only bash is safe.
tell() {
  [ -z "$task" ] && return
  TZ=UTC printf '{"event":"%s","at":"%(%Y-%m-%dT%H:%M:%SZ)T","task":"%s","restarts":%d,"node":"%s"%s}\n' "$1" -1 "$task" "$restarts" "$SLURMD_NODENAME" "$2" >> "$folder/$index.history.jsonl"
}

end() {
  tell end ",\"code\":$1"
  exit "$1"
}

setup_failed() {
  echo "mim: the setup failed with exit code $1; the cell was not started" >&2
  tell end ",\"code\":$1,\"message\":\"the setup of the job failed\""
}

# Signals go to the cell, which saves a checkpoint and ends. bash comes to this only between two waits.
signal=
signals=0
pid=
forward() {
  signal=$1
  signals=$(( signals + 1 ))
  [ -n "$pid" ] && kill -s "$1" "$pid" 2> /dev/null
}

# A wait that a signal ended says nothing of the process.
wait_for() {
  local seen
  pid=$1
  while :; do
    seen=$signals
    wait "$pid"
    code=$?
    [ "$seen" = "$signals" ] && break
  done
  pid=
}

# Exit code 5: another process trains the cell, or did on a host that died a moment ago.
run_cell() {
  local tries=0
  while :; do
    "${'$'}{command[@]}" "$sweep" "$index" "${'$'}{retry[@]}" &
    wait_for $!
    tries=$(( tries + 1 ))
    if [ "$code" != 5 ] || [ -z "$task" ] || [ -n "$signal" ] || [ "$tries" -ge "$busy_tries" ]; then return; fi
    sleep "$busy_seconds" &
    wait_for $!
    code=5
    [ -n "$signal" ] && return
  done
}

# What Slurm says of this task: requeued (by Slurm itself), preempted, or nothing.
slurm_says() {
  local job
  job=$(scontrol --oneliner show job "$task" 2> /dev/null)
  if [[ $job =~ \ Restarts=([0-9]+) ]] && [ "${'$'}{BASH_REMATCH[1]}" -gt "$starts" ]; then echo requeued
  elif [[ $job =~ \ PreemptTime=[0-9] ]]; then echo preempted
  fi
}

# A cell that was stopped goes on where Slurm took its node away, and stays where somebody wants it to end.
after_stop() {
  local says
  [ -z "$signal" ] && return
  says=$(slurm_says)
  if [ "$(cat "$folder/$index.cancelled" 2> /dev/null)" = "$task" ]; then echo "mim: $task was cancelled"
  elif [ "$says" = requeued ]; then
    echo "mim: Slurm has queued $task again"
    tell requeued
  elif [ "$signal" = USR1 ] || [ "$says" = preempted ]; then go_on
  else echo "mim: $task was cancelled"
  fi
}

go_on() {
  if [ "$requeue" = never ]; then
    echo "mim: $task stays stopped (requeue: never)"
  elif [ "$restarts" -ge "$max_requeues" ]; then
    echo "mim: $task was started $restarts times again, which is the most (max_requeues)"
  elif [ "$requeue" = auto ] && scontrol requeue "$task"; then
    echo "mim: $task is queued again"
    tell requeued
  else
    resubmit
  fi
}

# Where a task cannot be requeued: this cell again, as a job of its own.
resubmit() {
  local job
  if job=$(env -u SLURM_RESTART_COUNT sbatch --parsable --export=ALL,MIM_RESTARTS=$(( restarts + 1 )) --array="$index" "$script"); then
    echo "mim: cell $index is submitted again, as $job"
    tell resubmitted ",\"as\":\"${'$'}{job%%;*}\""
  else
    echo "mim: cell $index could not be submitted again; it is stopped with a checkpoint" >&2
  fi
}
`;

const MAIN = String.raw`trap 'forward USR1' USR1
trap 'forward TERM' TERM
tell start
run_cell
case $code in 3 | 5) [ -n "$task" ] && after_stop ;; esac
end "$code"`;
