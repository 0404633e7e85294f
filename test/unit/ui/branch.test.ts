import { expect, it } from 'vitest';
import { branchOf } from '../../../extension/ui/commands/branch';

const TEXT = '# my experiment\nmim: 1\nmethod: maskalign # the method\nmasking: { ratio: 0.7 }\ndata: { crop_scale: [0.85, 1] }\n';
const at = (weights: string, folder?: string) => ({ weights, step: 5, ...(folder === undefined ? {} : { folder }) });

it('leaves every character as it was, and fills in the checkpoint relative to the new file', () => {
  expect(branchOf(TEXT, at('/w/runs/r/checkpoints/5/model.safetensors', '/w/experiments'))).toBe(`${TEXT}init: { checkpoint: ../runs/r/checkpoints/5/model.safetensors }\n`);
});

it('replaces an earlier checkpoint', () => {
  expect(branchOf(`${TEXT}init: { checkpoint: ./old.safetensors } # from before\n`, at('/w/new.safetensors', '/w'))).toBe(`${TEXT}init: { checkpoint: ./new.safetensors } # from before\n`);
});

it('names the weights absolutely where the new file has no folder of its own', () => {
  expect(branchOf(TEXT, at('/w/model.safetensors'))).toContain('checkpoint: /w/model.safetensors');
});

it('quotes a path that YAML would read as something else', () => {
  expect(branchOf(TEXT, at('/w/my runs, old/model.safetensors'))).toContain('checkpoint: "/w/my runs, old/model.safetensors"');
});

it('gives its runs a name of their own', () => {
  expect(branchOf('mim: 1\nname: "student" # mine\n', at('/w/a', '/w'))).toBe('mim: 1\nname: student-from-5 # mine\ninit: { checkpoint: ./a }\n');
});
