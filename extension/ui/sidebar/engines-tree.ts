/** What doctor found: the engines, fastest first, which of them `engine: auto` takes, and the GPUs that `engine.device` names. */
import * as z from 'zod';
import { leaf, type Row } from './row';
import { joined } from './run-text';
import { plain } from './run-tooltip';

const rateSchema = z.object({ size: z.number(), gflops: z.number() });

const reportSchema = z.object({
  engines: z.array(z.object({ kind: z.string(), works: z.boolean(), detail: z.string(), rate: rateSchema.optional(), passedOver: z.string().optional() })),
  devices: z.array(z.object({ name: z.string(), detail: z.string() })),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), optional: z.boolean().optional() })),
});
export type DoctorReport = z.output<typeof reportSchema>;

/** @throws where it is not doctor's JSON. */
export function parseReport(json: string): DoctorReport {
  return reportSchema.parse(JSON.parse(json));
}

type EngineReport = DoctorReport['engines'][number];

/** Engines, the GPUs by number, then what is missing of the rest. */
export function enginesTree({ engines, devices, checks }: DoctorReport): Row[] {
  const chosen = chosenOf(engines);
  const rows = engines.map((engine) => {
    const speed = engine.rate && `${engine.rate.gflops.toFixed(0)} GFLOP/s`;
    if (engine === chosen) return row(engine.kind, joined([`auto: ${why(engines)}`, speed]), 'pass-filled', 'charts.green');
    if (!engine.works) return row(engine.kind, `does not start: ${engine.detail}`, 'circle-slash');
    return row(engine.kind, joined([engine.passedOver === undefined ? 'works' : `works; auto passes it over: ${engine.passedOver}`, speed]), 'pass');
  });
  const gpus = devices.map(({ name }, number) => row(deviceLabel(number), name, 'circuit-board'));
  const missing = checks.filter(({ ok }) => !ok).map(({ name, detail, optional }) => (optional === true ? row(name, detail, 'info') : row(name, detail, 'warning', 'list.warningForeground')));
  return [...rows, ...gpus, ...missing];
}

/** A sentence over the list. */
export function choiceWords({ engines }: DoctorReport): string {
  const chosen = chosenOf(engines);
  return chosen === undefined ? 'No engine starts here: nothing can be trained.' : `engine: auto takes ${chosen.kind}, ${why(engines)}.`;
}

function chosenOf(engines: readonly EngineReport[]): EngineReport | undefined {
  return engines.find(({ works, passedOver }) => works && passedOver === undefined);
}

function why(engines: readonly EngineReport[]): string {
  const before = engines.slice(0, engines.indexOf(chosenOf(engines)!));
  const absent = before.filter(({ works }) => !works).map(({ kind }) => kind);
  const slower = before.filter(({ works }) => works).map(({ kind }) => kind);
  const reasons = [
    ...(absent.length === 0 ? [] : [`${absent.join(' and ')} ${absent.length === 1 ? 'does' : 'do'} not start`]),
    ...(slower.length === 0 ? [] : [`${slower.join(' and ')} ${slower.length === 1 ? 'is' : 'are'} passed over`]),
  ];
  return reasons.length === 0 ? 'the fastest' : `the fastest that works here; ${reasons.join(', ')}`;
}

/** All that doctor says of a row, in Markdown; undefined where it says nothing. */
export function engineTooltip({ engines, devices, checks }: DoctorReport, name: string): string | undefined {
  const number = devices.findIndex((_, place) => deviceLabel(place) === name);
  if (number >= 0) return `**${plain(name)}**\n\n${plain(`${devices[number]!.name} (${devices[number]!.detail})`)}\n\nAn experiment takes it with \`engine.device: ${number}\`, or a part of its name.`;
  const engine = engines.find(({ kind }) => kind === name);
  const detail = engine?.detail ?? checks.find((check) => check.name === name)?.detail;
  if (detail === undefined) return undefined;
  const speed = engine?.rate && `${engine.rate.gflops.toFixed(0)} GFLOP/s on ${engine.rate.size}×${engine.rate.size} float32 matrix products`;
  const passed = engine?.passedOver === undefined ? undefined : `\`engine: auto\` passes it over: ${plain(engine.passedOver)}`;
  return [`**${plain(name)}**`, plain(detail), speed, passed].filter((part) => part !== undefined).join('\n\n');
}

function deviceLabel(number: number): string {
  return `device ${number}`;
}

function row(engine: string, description: string, icon: string, color?: string): Row {
  return leaf({ kind: 'engine', engine }, { label: engine, description, spoken: `${engine}, ${description.replaceAll(' · ', ', ')}`, icon, ...(color === undefined ? {} : { color }), contextValue: 'engine' });
}
