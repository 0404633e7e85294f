#!/usr/bin/env node
import { launchOf } from '../training/distributed/launcher';
import { reportToJob } from './job-worker';
import { runCommandLine } from './program';
import { processTerminal } from './terminal';

// Of the ranks of one training the first speaks for all.
if ((launchOf(process.env)?.rank ?? 0) === 0) reportToJob();
process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
