/** What doctor found: the engines, fastest first, and which of them `engine: auto` takes. */
import * as z from 'zod';
import { leaf, type Row } from './row';
import { joined } from './run-text';
import { plain } from './run-tooltip';

const reportSchema = z.object({
  engines: z.array(z.object({ kind: z.string(), works: z.boolean(), detail: z.string() })),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), optional: z.boolean().optional() })),
  matmul: z.object({ engine: z.string(), size: z.number(), gflops: z.number() }).optional(),
});
export type DoctorReport = z.output<typeof reportSchema>;

/** @throws where it is not doctor's JSON. */
export function parseReport(json: string): DoctorReport {
  return reportSchema.parse(JSON.parse(json));
}

/** Engines, then what is missing of the rest. */
export function enginesTree({ engines, checks, matmul }: DoctorReport): Row[] {
  const chosen = engines.find(({ works }) => works);
  const rows = engines.map((engine) => {
    const speed = engine.kind === matmul?.engine ? `${matmul.gflops.toFixed(0)} GFLOP/s` : undefined;
    if (engine === chosen) return row(engine.kind, joined([`auto: ${why(engines)}`, speed]), 'pass-filled', 'charts.green');
    return engine.works ? row(engine.kind, joined(['works', speed]), 'pass') : row(engine.kind, `does not start: ${engine.detail}`, 'circle-slash');
  });
  const missing = checks.filter(({ ok }) => !ok).map(({ name, detail, optional }) => (optional === true ? row(name, detail, 'info') : row(name, detail, 'warning', 'list.warningForeground')));
  return [...rows, ...missing];
}

/** A sentence over the list. */
export function choiceWords({ engines }: DoctorReport): string {
  const chosen = engines.find(({ works }) => works);
  return chosen === undefined ? 'No engine starts here: nothing can be trained.' : `engine: auto takes ${chosen.kind}, ${why(engines)}.`;
}

function why(engines: DoctorReport['engines']): string {
  const passedOver = engines.slice(0, engines.findIndex(({ works }) => works)).map(({ kind }) => kind);
  if (passedOver.length > 0) return `the fastest that works here; ${passedOver.join(' and ')} ${passedOver.length === 1 ? 'does' : 'do'} not start`;
  return 'the fastest';
}

/** All that doctor says of a row, in Markdown; undefined where it says nothing. */
export function engineTooltip({ engines, checks, matmul }: DoctorReport, name: string): string | undefined {
  const detail = engines.find(({ kind }) => kind === name)?.detail ?? checks.find((check) => check.name === name)?.detail;
  if (detail === undefined) return undefined;
  const speed = matmul?.engine === name ? `\n\n${matmul.gflops.toFixed(0)} GFLOP/s on ${matmul.size}×${matmul.size} float32 matrix products` : '';
  return `**${plain(name)}**\n\n${plain(detail)}${speed}`;
}

function row(engine: string, description: string, icon: string, color?: string): Row {
  return leaf({ kind: 'engine', engine }, { label: engine, description, spoken: `${engine}, ${description.replaceAll(' · ', ', ')}`, icon, ...(color === undefined ? {} : { color }), contextValue: 'engine' });
}
