import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

interface Item { readonly command: string; readonly when?: string; readonly group?: string }
interface Manifest {
  readonly icon: string;
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category: string }[];
    readonly menus: Readonly<Record<string, readonly Item[]>>;
    readonly keybindings: readonly Item[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { readonly id: string; readonly icon: string }[] };
    readonly viewsWelcome: readonly { readonly view: string; readonly when?: string; readonly contents: string }[];
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly default: unknown; readonly markdownDescription?: string }>> };
    readonly walkthroughs: readonly { readonly steps: readonly { readonly description: string; readonly media: { readonly markdown: string } }[] }[];
  };
}

const root = path.resolve(import.meta.dirname, '../../..');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest;
const { commands, menus, keybindings, views, viewsContainers, viewsWelcome, configuration, walkthroughs } = manifest.contributes;
const declared = new Set(commands.map(({ command }) => command));
const items = [...Object.values(menus).flat(), ...keybindings];
const viewIds = new Set(Object.values(views).flat().map(({ id }) => id));
const sources = readdirSync(path.join(root, 'extension/ui'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => readFileSync(path.join(root, 'extension/ui', name), 'utf8')).join('\n');
const whens = [...items, ...viewsWelcome].flatMap(({ when }) => when ?? []);
/** Every value that a row of the sidebar can have. */
const rowKinds = ['running', 'paused', 'finished', 'stopped', 'failed', 'lost', 'external'].flatMap((state) => [`run:${state}`, `run:${state}:starred`]).concat('sweep', 'sweep:running', 'engine', ...['running', 'finished', 'lost'].map((state) => `checkpoint:${state}`), ...['waiting', 'held', 'blocked', 'running', 'failed', 'done'].map((state) => `queued:${state}`));

describe('commands', () => {
  it('have one name each and the category MIM', () => {
    expect(declared.size).toBe(commands.length);
    expect(commands.filter(({ title, category }) => title.trim() === '' || category !== 'MIM')).toEqual([]);
  });

  it('of menus, keys, welcome views and walkthroughs are declared', () => {
    const linked = [...viewsWelcome.map(({ contents }) => contents), ...walkthroughs.flatMap(({ steps }) => steps.map(({ description }) => description))]
      .flatMap((text) => [...text.matchAll(/\(command:(mim\.[\w.]+)/g)].map(([, command]) => command!));
    expect(linked.length).toBeGreaterThan(5);
    expect([...items.map(({ command }) => command), ...linked].filter((command) => !declared.has(command))).toEqual([]);
  });

  it('that work on a run or checkpoint of a list are hidden from the palette or ask for one', () => {
    const hidden = menus.commandPalette!.filter(({ when }) => when === 'false').map(({ command }) => command);
    expect(hidden).toContain('mim.openConfigAt');
    expect(hidden).not.toContain('mim.inspectCheckpoint');
  });
});

describe('conditions', () => {
  it('use context keys that the extension sets', () => {
    const used = new Set(whens.flatMap((when) => [...when.matchAll(/(?<!== )\bmim\.[a-zA-Z]+/g)].map(([key]) => key)));
    expect(used.size).toBeGreaterThan(1);
    expect([...used].filter((key) => !sources.includes(`'${key}'`))).toEqual([]);
  });

  it('name views that exist', () => {
    const named = whens.flatMap((when) => [...when.matchAll(/(?:view|focusedView) == ([\w.]+)/g)].map(([, id]) => id!));
    expect([...named, ...viewsWelcome.map(({ view }) => view)].filter((id) => !viewIds.has(id))).toEqual([]);
  });

  it('on rows fit at least one row there is', () => {
    for (const when of menus['view/item/context']!.map((item) => item.when ?? '')) {
      const patterns = [...when.matchAll(/(!?)\(?viewItem =~ \/(.+?)\/(?=[ )]|$)/g)].filter(([, not]) => not === '').map(([, , pattern]) => new RegExp(pattern!));
      const exact = /viewItem == (\w+)/.exec(when)?.[1];
      expect(rowKinds.some((kind) => (exact === undefined || kind === exact) && patterns.every((pattern) => pattern.test(kind))), when).toBe(true);
    }
  });

  it.each([['run:finished', 'mim.stop', false], ['run:running', 'mim.stop', true], ['run:running', 'mim.deleteRun', false], ['run:external', 'mim.deleteRun', false], ['run:finished:starred', 'mim.deleteRun', true], ['run:lost', 'mim.resumeFromCheckpoint', true],
    ['checkpoint:running', 'mim.resumeFromCheckpoint', false], ['checkpoint:stopped', 'mim.resumeFromCheckpoint', true], ['run:external', 'mim.diffConfigs', false], ['run:external', 'mim.resumeFromCheckpoint', false],
    ['queued:waiting', 'mim.queue.hold', true], ['queued:held', 'mim.queue.release', true], ['queued:done', 'mim.queue.retry', false], ['queued:done', 'mim.queue.cancel', false], ['queued:running', 'mim.queue.cancel', true],
    ['sweep', 'mim.stop', false], ['sweep:running', 'mim.stop', true]])(
    'offer on %s the command %s: %s', (kind, command, offered) => {
      const fitting = menus['view/item/context']!.filter((item) => item.command === command && new RegExp(/viewItem =~ \/(.+?)\/(?=[ )]|$)/.exec(item.when ?? '')?.[1] ?? 'nothing').test(kind));
      expect(fitting.length > 0).toBe(offered);
    });
});

it('names files that exist', () => {
  const files = [manifest.icon, ...viewsContainers.activitybar.map(({ icon }) => icon), ...walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.markdown))];
  expect(files.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});

it('declares the settings that are read, each with a default and a description', () => {
  const settings = Object.entries(configuration.properties);
  expect(settings.filter(([, { default: value, markdownDescription }]) => value === undefined || !markdownDescription)).toEqual([]);
  const unread = settings.map(([name]) => name.replace(/^mim\./, '')).filter((name) => !new RegExp(`['.]${name}['\\b]`).test(sources));
  expect(unread).toEqual([]);
});
