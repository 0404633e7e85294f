import { expect, it } from 'vitest';
import { branchOf } from '../../../extension/ui/commands/branch';

const TEXT = '# my experiment\nmim: 1\nmethod: maskalign # the method\nmasking: { ratio: 0.7 }\n';

it('keeps comments and order, and fills in the checkpoint relative to the new file', () => {
  expect(branchOf(TEXT, '/w/runs/r/checkpoints/5/model.safetensors', '/w/experiments')).toBe(`${TEXT}init:\n  checkpoint: ../runs/r/checkpoints/5/model.safetensors\n`);
});

it('replaces an earlier checkpoint', () => {
  expect(branchOf(`${TEXT}init: { checkpoint: ./old.safetensors } # from before\n`, '/w/new.safetensors', '/w')).toContain('init: { checkpoint: ./new.safetensors } # from before');
});

it('names the weights absolutely where the new file has no folder of its own', () => {
  expect(branchOf(TEXT, '/w/model.safetensors')).toContain('checkpoint: /w/model.safetensors');
});
