#!/usr/bin/env node
import { runCommandLine } from './program';
import { processTerminal } from './terminal';

// A reader that closes the pipe early (`mim runs | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
