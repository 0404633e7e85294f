import { Option } from 'commander';
import { examples, jsonOption, setOption, type Cli } from '../command';
import type { ShownGraphs } from '../explain';
import { fetchingNotes } from '../download-notes';
import { findConfig } from '../locate';
import { printJson } from '../terminal';

interface Options {
  readonly graphs: ShownGraphs;
  readonly set: Record<string, string>;
  readonly json?: boolean;
}

export function addExplainCommand(cli: Cli): void {
  cli.program
    .command('explain')
    .summary('the compiled step: graph before and after each pass')
    .description('Compile the training step of an experiment without running it, and show what each pass did: how often its pattern was found, nodes before and after, operations and memory of the result. Passes differ by engine: with `auto` they are those of the one that would be taken on the processor.')
    .argument('<config>', 'experiment file')
    .addOption(new Option('--graphs <which>', 'print graphs too, one line a node: the final one, or all, from the trace through each pass').choices(['none', 'final', 'all']).default('none'))
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim explain examples/quickstart.mim.yaml', 'mim explain examples/quickstart.mim.yaml --graphs all | less'))
    .action(async (config: string, options: Options) => {
      const configFile = findConfig(config);
      const { loadExperiment } = await import('../../core/config/load');
      const loaded = await loadExperiment(configFile, options.set);
      const { compilingEngine, programsOf, explainFigures, explainText } = await import('../explain');
      const programs = await programsOf(loaded, configFile, fetchingNotes(cli.terminal));
      const engine = compilingEngine(loaded.resolved.engine);
      if (options.json === true) printJson(cli.terminal, explainFigures(programs, engine));
      else cli.terminal.out(explainText(programs, engine, options.graphs));
    });
}
