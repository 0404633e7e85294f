#!/usr/bin/env node
import { beginJob } from './job-worker';
import { runCommandLine } from './program';
import { processTerminal } from './terminal';

if (await beginJob()) process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
