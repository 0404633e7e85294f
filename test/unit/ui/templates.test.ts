import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { placedText, teacherTemplate, templatesIn } from '../../../extension/ui/commands/templates';

const examples = path.resolve(import.meta.dirname, '../../../examples');

describe('templates', async () => {
  const templates = await templatesIn(examples);

  it.each(templates)('$label says what it is in a sentence', ({ detail }) => expect(detail).toMatch(/^[A-Z].{20,}\.$/));

  it('begin with the quickstart', () => expect(templates[0]?.label).toBe('quickstart.mim.yaml'));

  it.each(templates)('$label keeps nothing outside the folder it is written to', async ({ file }) => {
    expect(placedText(await readFile(file, 'utf8'))).not.toMatch(/^\s*(runs|checkpoint): \.\.\/runs/m);
  });

  it('brings the example that trains its teacher', async () => {
    const quickstart = await readFile(path.join(examples, 'quickstart.mim.yaml'), 'utf8');
    expect(teacherTemplate(quickstart, templates)?.label).toBe('quickstart-teacher.mim.yaml');
    expect(placedText(quickstart)).toContain('  checkpoint: ./runs/quickstart-teacher\n');
    expect(teacherTemplate(await readFile(path.join(examples, 'maskalign-ema.mim.yaml'), 'utf8'), templates)).toBeUndefined();
  });
});
