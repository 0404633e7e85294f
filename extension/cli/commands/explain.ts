import { examples, jsonOption, setOption, type Cli } from '../command';
import { bytes } from '../format';
import { findConfig } from '../locate';
import { tableLines } from '../table';
import { printJson, type Terminal } from '../terminal';
import type { ExplainedProgram } from '../explain';

interface Options {
  readonly set: Record<string, string>;
  readonly json?: boolean;
}

export function addExplainCommand(cli: Cli): void {
  cli.program
    .command('explain')
    .summary('the compiled step: graph before and after each pass')
    .description('Compile the training step of an experiment without running it, and show what each pass did: how often its pattern was found, nodes before and after, operations and memory of the result.')
    .argument('<config>', 'experiment file')
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim explain examples/quickstart.mim.yaml'))
    .action(async (config: string, options: Options) => {
      const configFile = findConfig(config);
      const { loadExperiment } = await import('../../core/config/load');
      const loaded = await loadExperiment(configFile, options.set);
      const { explainExperiment } = await import('../explain');
      const programs = await explainExperiment(loaded, configFile);
      if (options.json === true) printJson(cli.terminal, programs);
      else for (const program of programs) printProgram(cli.terminal, program);
    });
}

function printProgram(terminal: Terminal, program: ExplainedProgram): void {
  terminal.out(`${program.name}: ${program.tracedNodes} operations traced, ${program.nodes} after the passes; state ${bytes(program.stateBytes)}, constants ${bytes(program.constantBytes)}\n`);
  const passes = program.passes.map(({ name, hits, nodesBefore, nodesAfter }) => [name, String(hits), String(nodesBefore), String(nodesAfter)]);
  for (const line of tableLines(['pass', 'hits', 'nodes before', 'after'], passes, ['left', 'right', 'right', 'right'])) terminal.out(line);
  terminal.out('');
  const operations = Object.entries(program.operations).map(([name, count]) => [name, String(count)]);
  for (const line of tableLines(['operation', 'nodes'], operations, ['left', 'right'])) terminal.out(line);
  terminal.out('');
}
