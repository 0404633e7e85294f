/** What doctor found: the engines, fastest first, and which of them `engine: auto` takes. */
import { z } from 'zod';
import { leaf, type Row } from './row';

const reportSchema = z.object({
  engines: z.array(z.object({ kind: z.string(), works: z.boolean(), detail: z.string() })),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), optional: z.boolean().optional() })),
});
export type DoctorReport = z.output<typeof reportSchema>;

/** @throws where it is not doctor's JSON. */
export function parseReport(json: string): DoctorReport {
  return reportSchema.parse(JSON.parse(json));
}

export function enginesTree({ engines, checks }: DoctorReport): Row[] {
  const chosen = engines.find(({ works }) => works);
  const rows = engines.map((engine) => {
    const why = engine === chosen ? 'a run uses it: the fastest that works here' : engine.works ? 'works; a faster one is used unless `engine` names it' : 'does not work here';
    return row(engine.kind, `${why}: ${engine.detail}`, engine === chosen ? 'check' : engine.works ? 'circle-outline' : 'circle-slash');
  });
  const missing = checks.filter(({ ok }) => !ok).map(({ name, detail, optional }) => row(name, detail, optional === true ? 'info' : 'warning'));
  return [...rows, ...missing];
}

function row(engine: string, description: string, icon: string): Row {
  return leaf({ kind: 'engine', engine }, { label: engine, description, spoken: `${engine}, ${description}`, icon, contextValue: 'engine' });
}
