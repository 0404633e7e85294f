/** The messages between the dashboard panel and its host. Both sides import this file and nothing else of each other. */

/** Names a run everywhere in the interface: the absolute path of its folder or, for a run made elsewhere, of its file. */
export type RunKey = string;

export type DashboardView = 'curves' | 'sweep' | 'alignment' | 'probe' | 'diagnostics' | 'samples' | 'compare';
/** `time`: seconds since the run's first record. `gmac`: GMAC spent so far. */
export type XAxis = 'step' | 'epoch' | 'time' | 'gmac';
export type ProbeAxis = Exclude<XAxis, 'time'>;
export type Scalar = string | number | boolean | null;

// Navigation: all the panel keeps (vscode.setState), and all the host needs to make its snapshots.

export interface DashboardState {
  readonly view: DashboardView;
  readonly selected: readonly RunKey[];
  readonly baseline?: RunKey;
  readonly curves: {
    /** Names of metrics; empty: loss, levels, lr, gradient norm, speed. */
    readonly metrics: readonly string[];
    readonly x: XAxis;
    /** Weight of the past in the moving average, 0 (none) to 0.999. */
    readonly smoothing: number;
    readonly logX: boolean;
    readonly logY: boolean;
    /** Show per-level losses as a heat map instead of lines. */
    readonly heatMap: boolean;
    /** Visible x range after zooming: the host decimates within it. */
    readonly range?: readonly [number, number];
  };
  readonly sweep: {
    /** Dotted config keys; the first is on x, all are axes of the parallel coordinates. */
    readonly keys: readonly string[];
    /** `linear`, `knn`, … ; absent: the first there is. */
    readonly protocol?: string;
  };
  readonly alignment: { readonly run?: RunKey; readonly step?: number };
  /** `x`: of the results over checkpoints; absent: step. */
  readonly probe: { readonly protocol?: string; readonly x?: ProbeAxis };
  /** `level`, counted from 1: over steps at that level; absent: over levels at `step`. `run`: whose CKA. */
  readonly diagnostics: { readonly measure?: string; readonly step?: number; readonly level?: number; readonly run?: RunKey };
  /** `size`: least width of a picture in pixels. */
  readonly samples: { readonly step?: number; readonly kind?: string; readonly size?: number };
  readonly compare: {
    /** Column names: `state`, `loss`, `config:masking.ratio`, `probe:linear`. Empty: chosen by the host. */
    readonly columns: readonly string[];
    readonly sort?: { readonly column: string; readonly descending: boolean };
    /** A filtrex expression over column names, such as `masking.ratio > 0.5 and linear > 0.4`. */
    readonly filter: string;
    readonly onlyDifferences: boolean;
    readonly summary: 'best' | 'last' | 'smoothed';
  };
}

// What the host tells

export type RunDisplayState = 'running' | 'paused' | 'finished' | 'stopped' | 'failed' | 'lost' | 'external';

/** One run as lists and legends show it. */
export interface RunRow {
  readonly key: RunKey;
  readonly name: string;
  readonly sweep?: string;
  readonly state: RunDisplayState;
  readonly method?: string;
  /** 0–1; absent where unknown. */
  readonly progress?: number;
  readonly step?: number;
  readonly totalSteps?: number;
  readonly loss?: number;
  /** Share of test images, 0–1: the student's best. */
  readonly bestProbe?: number;
  readonly startedAt?: string;
  /** Why it failed, or what is wrong with its folder, as a sentence. */
  readonly problem?: string;
  readonly starred: boolean;
  readonly tags: readonly string[];
  /** Index into the palette; stable for the run, editable. */
  readonly color: number;
}

/** One line of a chart; `x` ascends, gaps are NaN in `y`. VS Code hands arrays of this type over as bytes, and others digit by digit. */
export interface Series {
  readonly run: RunKey;
  readonly metric: string;
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** The unsmoothed extent of each point, where smoothing or decimation hides spikes. */
  readonly low?: Float64Array;
  readonly high?: Float64Array;
}

/** values[row][column], NaN as null. */
export interface Matrix {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly values: readonly (readonly (number | null)[])[];
}

export interface CurvesData {
  readonly view: 'curves';
  /** Metrics of the selected runs, for the chooser: `loss`, `level_1`, …, `lr`, `grad_norm`, `images_per_second`. */
  readonly metrics: readonly { readonly name: string; readonly label: string; readonly group: 'loss' | 'levels' | 'blocks' | 'optimizer' | 'speed' | 'other' }[];
  readonly series: readonly Series[];
  /** Loss per level over x, one a run: rows are levels, columns are x. With `of`, instead of it gradients or updates: rows are parts of the model. */
  readonly heatMaps: readonly { readonly run: RunKey; readonly of?: 'block_grad_norm' | 'block_update_ratio'; readonly matrix: Matrix }[];
  /** Early warnings: collapse, divergence, plateau, loss falling while the probe stalls. */
  readonly warnings: readonly { readonly run: RunKey; readonly text: string }[];
}

/** A cell of a sweep: the runs that share a value of every swept key and differ in seed. */
export interface SweepCell {
  /** By key, in the order of `SweepData.keys`. */
  readonly values: readonly Scalar[];
  readonly runs: readonly { readonly key: RunKey; readonly seed: number; readonly state: RunDisplayState; readonly accuracy?: number }[];
  readonly mean?: number;
  /** 95 % interval of the mean over seeds (Student's t); absent below two seeds. */
  readonly interval?: readonly [number, number];
  readonly state: 'done' | 'running' | 'failed' | 'missing';
  /** Seeds the sweep expects here that no run trains. */
  readonly missingSeeds?: readonly number[];
}

export interface SweepData {
  readonly view: 'sweep';
  /** Keys that differ among the selected runs. */
  readonly sweepable: readonly string[];
  readonly keys: readonly string[];
  readonly protocols: readonly string[];
  readonly protocol?: string;
  readonly cells: readonly SweepCell[];
  readonly baselines: readonly { readonly name: 'teacher' | 'random'; readonly accuracy: number }[];
}

export interface AlignmentData {
  readonly view: 'alignment';
  readonly run?: RunKey;
  /** Steps of which weights are known, ascending. */
  readonly steps: readonly number[];
  readonly step?: number;
  /** Rows: teacher levels; columns: student levels. */
  readonly matrix?: Matrix;
  /** Over `steps`, one list a teacher level: entropy (nats) of the row's absolute weights normalised to sum 1, and their centre of mass in levels. */
  readonly entropy: readonly (readonly number[])[];
  readonly centre: readonly (readonly number[])[];
  /** The largest absolute weight over all steps, so that colours mean the same at each. */
  readonly largest?: number;
  /** Why there is nothing to show. */
  readonly note?: string;
}

export interface ProbeData {
  readonly view: 'probe';
  readonly protocols: readonly string[];
  readonly points: readonly { readonly run: RunKey; readonly protocol: string; readonly subject: string; readonly features: string; readonly step: number; readonly epoch?: number; readonly gmac?: number; readonly layer?: number; readonly top1: number; readonly top1Std?: number; readonly top5?: number }[];
}

export interface DiagnosticsData {
  readonly view: 'diagnostics';
  /** That the selected runs have been looked at for. */
  readonly measures: readonly { readonly name: string; readonly label: string }[];
  readonly measure?: string;
  /** At which any of them was looked at, ascending. */
  readonly steps: readonly number[];
  readonly step?: number;
  /** The most that a student has of this measure. */
  readonly levels: number;
  readonly level?: number;
  /** The measure over levels, counted from 1, each run's last record not after `step`; with `level` over steps. */
  readonly lines: readonly { readonly run: RunKey; readonly subject: 'student' | 'teacher' | 'random'; readonly step?: number; readonly x: readonly number[]; readonly y: readonly (number | null)[] }[];
  /** Of one run; rows: student levels, columns: teacher levels. */
  readonly cka?: { readonly run: RunKey; readonly step: number; readonly matrix: Matrix };
  /** `x`: mask ratios. */
  readonly lossByRatio: readonly { readonly run: RunKey; readonly step: number; readonly strategy: string; readonly x: readonly number[]; readonly y: readonly (number | null)[] }[];
}

export interface SamplesData {
  readonly view: 'samples';
  readonly kinds: readonly string[];
  readonly steps: readonly number[];
  readonly step?: number;
  /** The picture of each run nearest to `step`, not after it; the host turns `path` into a URI the panel may load. */
  readonly pictures: readonly { readonly run: RunKey; readonly kind: string; readonly step: number; readonly uri: string }[];
}

export interface CompareColumn {
  readonly name: string;
  readonly label: string;
  readonly kind: 'run' | 'config' | 'metric' | 'probe';
}

/** Runs that share every key but the seed. */
export interface SeedGroup {
  /** By key, in the order of `keys`. */
  readonly values: readonly Scalar[];
  readonly runs: readonly RunKey[];
  readonly mean: number;
  /** Mean less the mean of the baseline's group, and its 95 % interval (Welch); no interval below two seeds on either side. */
  readonly difference?: number;
  readonly interval?: readonly [number, number];
  readonly verdict: 'baseline' | 'better' | 'worse' | 'within noise' | 'too few seeds';
}

export interface CompareData {
  readonly view: 'compare';
  /** All there are, for the chooser. */
  readonly available: readonly CompareColumn[];
  readonly columns: readonly CompareColumn[];
  readonly rows: readonly { readonly run: RunKey; readonly cells: readonly Scalar[] }[];
  /** Why the filter does not work, as a sentence. */
  readonly filterProblem?: string;
  /** Config keys that differ among the selected runs, with the value of each run in the order of `rows`. */
  readonly differences: readonly { readonly key: string; readonly values: readonly Scalar[] }[];
  /** What seeds allow to say against the baseline; absent without one that was probed beside others. */
  readonly noise?: { readonly protocol: string; readonly keys: readonly string[]; readonly groups: readonly SeedGroup[] };
}

export type ViewData = CurvesData | SweepData | AlignmentData | ProbeData | DiagnosticsData | SamplesData | CompareData;

export type ToDashboard =
  /** Every run of the workspace; sent first and when any of it changes. */
  /** `areSome`: those of the view that follows, so that it need not wait for the list, which comes after it. */
  | { readonly type: 'runs'; readonly runs: readonly RunRow[]; readonly areSome?: boolean }
  /** A complete snapshot of the view asked for last. */
  | { readonly type: 'view'; readonly data: ViewData }
  /** The host changes what is shown, for instance after `MIM: Compare Selected Runs`. */
  | { readonly type: 'navigate'; readonly state: Partial<DashboardState> }
  | { readonly type: 'problem'; readonly text: string };

export type FromDashboard =
  /** Once, when the page has loaded. The state is what vscode.getState() kept, absent in a new panel. */
  | { readonly type: 'ready'; readonly state?: DashboardState }
  /** The last `view` is on the screen: the host sends the next one only then, so that a slow page is never flooded. */
  | { readonly type: 'drawn' }
  /** The user moved: the host answers with `view`, and again whenever it changes. */
  | { readonly type: 'show'; readonly state: DashboardState }
  /** Open the run's config at the key; without a key, at the first that differs from the baseline or the other runs. */
  | { readonly type: 'open-config'; readonly run: RunKey; readonly key?: string }
  | { readonly type: 'diff-configs'; readonly left: RunKey; readonly right: RunKey }
  | { readonly type: 'set-color'; readonly run: RunKey; readonly color: number }
  | { readonly type: 'set-star'; readonly run: RunKey; readonly starred: boolean }
  /** The host asks where to save. PNG as base64, CSV and Markdown as text. */
  | { readonly type: 'export'; readonly format: 'csv' | 'png' | 'markdown'; readonly name: string; readonly content: string };
