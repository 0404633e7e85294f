import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../../../extension/cli/exit-codes';
import { writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { float32 } from '../../../extension/core/tensors';
import { mim } from './recording-terminal';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-cli-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const inFolder = (name: string): string => join(folder, name);

const commands = ['pretrain', 'resume', 'stop', 'teacher', 'evaluate', 'runs', 'inspect', 'export', 'preview', 'explain', 'doctor', 'schema'];

describe('help', () => {
  it('names every command and every exit code', async () => {
    const { exitCode, stdout, stderr } = await mim('--help');
    expect(exitCode).toBe(exitCodes.done);
    expect(stderr).toBe('');
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    for (const code of Object.values(exitCodes)) expect(stdout).toMatch(new RegExp(`^ +${code}  `, 'm'));
  });

  it.each(commands)('of %s has a description and an example', async (command) => {
    const { exitCode, stdout } = await mim(command, '--help');
    expect(exitCode).toBe(exitCodes.done);
    expect(stdout).toContain(`Usage: mim ${command}`);
    expect(stdout).toContain(`$ mim ${command}`);
  });
});

describe('mistakes on the command line', () => {
  it('an unknown command is answered with the nearest one', async () => {
    const { exitCode, stderr, stdout } = await mim('pretrian', 'x.mim.yaml');
    expect(exitCode).toBe(exitCodes.usage);
    expect(stderr).toContain('Did you mean pretrain?');
    expect(stdout).toBe('');
  });

  it('an unknown option is answered with the nearest one', async () => {
    const { exitCode, stderr } = await mim('runs', '--jsn');
    expect(exitCode).toBe(exitCodes.usage);
    expect(stderr).toContain('--json');
  });

  it('an override that is not key=value says what it should be', async () => {
    const { exitCode, stderr } = await mim('pretrain', 'x.mim.yaml', '--set', 'masking.ratio');
    expect(exitCode).toBe(exitCodes.usage);
    expect(stderr).toContain('masking.ratio=0.5');
  });

  it('a missing argument, with --json, is told as JSON on stdout too', async () => {
    const { exitCode, stdout } = await mim('resume', '--json');
    expect(exitCode).toBe(exitCodes.usage);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'MIM9001' } });
  });
});

describe('the name of a run', () => {
  it.each(['pretrain', 'teacher'])('is checked by %s before the experiment is read', async (command) => {
    const { exitCode, stderr } = await mim(command, 'no-such-file.mim.yaml', '--name', '../elsewhere');
    expect(exitCode).toBe(exitCodes.usage);
    expect(stderr).toContain('letters, digits');
  });
});

describe('things that do not exist', () => {
  it('a run', async () => {
    const { exitCode, stderr } = await mim('resume', 'no-such-run', '--runs', folder);
    expect(exitCode).toBe(exitCodes.notFound);
    expect(stderr).toContain('MIM9010');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('an experiment, with the nearest one beside it', async () => {
    await writeFile(inFolder('ratio.mim.yaml'), 'mim: 1\n');
    const { exitCode, stderr } = await mim('pretrain', inFolder('ration.mim.yaml'));
    expect(exitCode).toBe(exitCodes.notFound);
    expect(stderr).toContain(`Did you mean ${inFolder('ratio.mim.yaml')}?`);
  });
});

describe('an experiment with mistakes', () => {
  it.each(['pretrain', 'teacher', 'explain'])('is told by %s with file, line and column, without a stack trace, before anything starts', async (command) => {
    const file = inFolder('bad.mim.yaml');
    await writeFile(file, 'mim: 1\nmethod: maskalign\ndata: { kind: shapes }\nmaskin: { ratio: 0.5 }\n');
    const { exitCode, stderr, stdout } = await mim(command, file);
    expect(exitCode).toBe(exitCodes.usage);
    expect(stderr).toContain(`${file}:4:1`);
    expect(stderr).toContain('masking');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
  });

  it('is told with --json as one JSON document that holds every problem', async () => {
    const file = inFolder('worse.mim.yaml');
    await writeFile(file, 'mim: 1\nmethod: maskalign\ndata: { kind: shapes }\nmasking: { ratio: 2 }\nseeds: 1\n');
    const { exitCode, stdout } = await mim('pretrain', file, '--json');
    expect(exitCode).toBe(exitCodes.usage);
    const { error } = JSON.parse(stdout) as { error: { problems: { range: { start: { line: number } } }[] } };
    expect(error.problems.map((problem) => problem.range.start.line)).toEqual(expect.arrayContaining([4, 5]));
  });

  it('a teacher must be supervised', async () => {
    const { exitCode, stderr } = await mim('teacher', 'examples/maskalign-ema.mim.yaml');
    expect(exitCode).toBe(exitCodes.usage);
    expect(stderr).toContain('MIM9020');
    expect(stderr).toContain('mim pretrain examples/maskalign-ema.mim.yaml');
  });
});

describe('runs', () => {
  it('of an empty folder are none, which is no failure', async () => {
    const { exitCode, stdout, stderr } = await mim('runs', inFolder('nothing'));
    expect(exitCode).toBe(exitCodes.done);
    expect(stdout).toBe('');
    expect(stderr).toContain('mim pretrain');
  });

  it('of an empty folder are an empty list with --json', async () => {
    const { stdout, stderr } = await mim('runs', inFolder('nothing'), '--json');
    expect(JSON.parse(stdout)).toEqual([]);
    expect(stderr).toBe('');
  });
});

describe('schema', () => {
  it('is JSON Schema on stdout and nothing else', async () => {
    const { exitCode, stdout, stderr } = await mim('schema');
    expect(exitCode).toBe(exitCodes.done);
    expect(stderr).toBe('');
    expect((JSON.parse(stdout) as { properties: object }).properties).toHaveProperty('masking');
  });

  it('as a reference names every section with a heading and every key of a section in a table', async () => {
    const { stdout } = await mim('schema', '--format', 'markdown');
    for (const heading of ['## data', '## alignment', '## teacher.ema', '## evaluate[]']) expect(stdout).toContain(`${heading}\n`);
    expect(stdout).toMatch(/^\| `target_norm` \| `none`, `l2`, `whiten`, `bn` \| `whiten` \| /m);
    expect(stdout).toMatch(/^\| `crop_scale` \| \[number ≥ 0, ≤ 1, number ≥ 0, ≤ 1\] \| `\[0\.2,1\]` \| /m);
  });
});

describe('inspect', () => {
  it('of a garbage file says what is wrong with it', async () => {
    await writeFile(inFolder('garbage.safetensors'), 'this is not a weight file at all');
    const { exitCode, stderr, stdout } = await mim('inspect', inFolder('garbage.safetensors'));
    expect(exitCode).toBe(exitCodes.failed);
    expect(stderr).toContain('garbage.safetensors');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
  });

  it('lists tensors with statistics, and says why they are no teacher', async () => {
    const file = inFolder('two.safetensors');
    await writeSafetensors(file, { 'a.weight': float32([2, 2], Float32Array.of(1, 2, 3, NaN)), b: float32([1], Float32Array.of(-5)) });
    const { exitCode, stdout } = await mim('inspect', file, '--stats', '--json');
    expect(exitCode).toBe(exitCodes.done);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'safetensors',
      elements: 5,
      tensors: [
        { name: 'a.weight', dtype: 'F32', shape: [2, 2] },
        { name: 'b', shape: [1] },
      ],
      statistics: { 'a.weight': { min: 1, max: 3, mean: 2, nan: 1 }, b: { min: -5, max: -5, mean: -5, std: 0, nan: 0 } },
      notAModel: expect.stringContaining('naming'),
    });
  });

  it('of something that does not exist is not found', async () => {
    expect((await mim('inspect', inFolder('absent'))).exitCode).toBe(exitCodes.notFound);
  });
});
