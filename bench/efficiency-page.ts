/** How soon a probe reaches an accuracy, as a page: from its record alone, so that no number is typed. */

export interface Recipe {
  readonly name: string;
  readonly secondsPerEpoch: number;
  /** Epochs at the beginning in which a teacher is asked whose answers are kept. */
  readonly asking?: { readonly epochs: number; readonly secondsPerEpoch: number };
  /** Top-1 of the linear probe by epoch. */
  readonly seeds: readonly { readonly seed: number; readonly top1: Readonly<Record<string, number>> }[];
}

export interface EfficiencyRecord {
  readonly cpu: string;
  readonly threads: number;
  /** That trained. */
  readonly engines: readonly string[];
  /** Training images an epoch. */
  readonly images: number;
  readonly baselines: Readonly<Record<string, number>>;
  readonly recipes: readonly Recipe[];
}

/** Of a t distribution with one, two, … degrees of freedom, two-sided 95 %. */
const STUDENT_T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function halfInterval(values: readonly number[]): number {
  const centre = mean(values);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
  return (STUDENT_T[values.length - 2]! * deviation) / Math.sqrt(values.length);
}

function secondsAfter({ secondsPerEpoch, asking }: Recipe, epochs: number): number {
  const asked = Math.min(epochs, asking?.epochs ?? 0);
  return asked * (asking?.secondsPerEpoch ?? 0) + (epochs - asked) * secondsPerEpoch;
}

const epochsOf = ({ seeds }: Recipe): number[] => Object.keys(seeds[0]!.top1).map(Number).toSorted((a, b) => a - b);
const meanAt = ({ seeds }: Recipe, epoch: number): number => mean(seeds.map(({ top1 }) => top1[epoch]!));

/** When the mean over the seeds first is that high, by a straight line between epochs; undefined where it never is. */
function secondsTo(recipe: Recipe, accuracy: number): number | undefined {
  const epochs = epochsOf(recipe);
  const at = epochs.findIndex((epoch) => meanAt(recipe, epoch) >= accuracy);
  if (at < 0) return undefined;
  if (at === 0) return secondsAfter(recipe, epochs[0]!);
  const [before, after] = [epochs[at - 1]!, epochs[at]!];
  const share = (accuracy - meanAt(recipe, before)) / (meanAt(recipe, after) - meanAt(recipe, before));
  return secondsAfter(recipe, before) + share * (secondsAfter(recipe, after) - secondsAfter(recipe, before));
}

export function efficiencyPage(record: EfficiencyRecord): string {
  const { recipes, images, cpu, threads, baselines, engines } = record;
  const [reference] = recipes;
  const last = epochsOf(reference!).at(-1)!;
  const accuracies = thresholds(recipes, last);
  const perCent = (value: number): string => (100 * value).toFixed(1);
  const rows = recipes.map((recipe) => {
    const end = recipe.seeds.map(({ top1 }) => 100 * top1[last]!);
    const epoch = recipe.asking ? `${recipe.asking.secondsPerEpoch.toFixed(1)}, then ${recipe.secondsPerEpoch.toFixed(1)}` : recipe.secondsPerEpoch.toFixed(1);
    const reached = accuracies.map((accuracy) => secondsTo(recipe, accuracy)?.toFixed(0) ?? 'not reached');
    return `| ${[recipe.name, recipe.seeds.length, epoch, secondsAfter(recipe, last).toFixed(0), `${mean(end).toFixed(2)} ± ${halfInterval(end).toFixed(2)}`, ...reached].join(' | ')} |`;
  });
  return `# How soon a probe reaches an accuracy

MaskAlign, with its teacher asked in every step, also in int8, and asked once a view, beside MAE, SimMIM and feature inpainting with the same teacher, on ${images.toLocaleString('en')}
images of CIFAR-10 over ${last} epochs. A linear probe of the mean of the patch tokens after epochs ${epochsOf(reference!).join(', ')}; the teacher's is ${perCent(baselines['teacher']!)} %, that of a
random-initialised student ${perCent(baselines['random']!)} %.

Seconds of an epoch are those of \`npm run bench:methods -- --size cifar\`: steps by turns on ${threads} threads of ${cpu}, nothing else running, without
loading and probing. Accuracies are of trainings on the engine ${engines.map((engine) => `\`${engine}\``).join(', ')} that ran two at a time, one thread each, whose own times are not used.

| Recipe | Seeds | Seconds an epoch | ${last} epochs, s | Top-1 after them, % | ${accuracies.map((accuracy) => `s to ${perCent(accuracy)} %`).join(' | ')} |
| --- | ---: | ---: | ---: | ---: | ${accuracies.map(() => '---:').join(' | ')} |
${rows.join('\n')}

Top-1 with half of its 95 % interval (Student's t). Seconds to an accuracy: when the mean over the seeds first is that high, by a straight line
between epochs.

\`\`\`sh
mim teacher examples/teacher-cifar10-small.mim.yaml --set data.path=/path/to/cifar10
mim sweep   examples/efficiency-cifar10.mim.yaml    --set data.path=/path/to/cifar10 --launcher queue
npm run bench:methods -- --size cifar --rounds 7 --steps 16 --json docs/results/data/methods-cifar.json
npm run bench:efficiency -- --runs runs
\`\`\`

It is the beginning of trainings, on few images and a small model: pixels are known to need long schedules, and nothing follows for the end of one.
Nothing was tuned for any recipe.
`;
}

/** Accuracies that tell the recipes apart: what MaskAlign has in the middle of its way, and at its end, rounded down to halves of a per cent. */
function thresholds(recipes: readonly Recipe[], last: number): number[] {
  const [reference] = recipes;
  const rounded = (value: number): number => Math.floor(200 * value) / 200;
  return [...new Set([rounded(meanAt(reference!, Math.ceil(last / 2))), rounded(meanAt(reference!, last))])];
}
