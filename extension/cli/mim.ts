#!/usr/bin/env node
import { reportToJob } from './job-worker';
import { runCommandLine } from './program';
import { processTerminal } from './terminal';

reportToJob();
process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
