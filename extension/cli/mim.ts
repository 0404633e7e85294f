#!/usr/bin/env node
import { runCommandLine } from './program';
import { processTerminal } from './terminal';

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
