import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { examples, type Cli } from '../command';

interface Options {
  readonly output?: string;
  readonly format: 'json' | 'markdown';
}

export function addSchemaCommand(cli: Cli): void {
  cli.program
    .command('schema')
    .summary('the JSON Schema of experiment files')
    .description('Print the JSON Schema of *.mim.yaml files: every key, its type, default and meaning. Editors with YAML support complete and check from it.')
    .option('--output <file>', 'write to a file instead')
    .addOption(new Option('--format <format>', 'json: JSON Schema; markdown: a reference to read').choices(['json', 'markdown']).default('json'))
    .addHelpText('after', examples('mim schema --output docs/mim.schema.json', 'mim schema --format markdown --output docs/config.md'))
    .action(async (options: Options) => {
      const { experimentJsonSchema } = await import('../../core/config/json-schema');
      const schema = experimentJsonSchema();
      const { schemaMarkdown } = await import('../schema-markdown');
      const text = options.format === 'json' ? JSON.stringify(schema, null, 2) : schemaMarkdown(schema).trimEnd();
      if (options.output === undefined) {
        cli.terminal.out(text);
        return;
      }
      await writeFile(options.output, `${text}\n`);
      cli.terminal.note(`Wrote ${options.output}.`);
    });
}
