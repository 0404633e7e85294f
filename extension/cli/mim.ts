#!/usr/bin/env node
import { launchOf } from '../training/distributed/launcher';
import { beginJob } from './job-worker';
import { runCommandLine } from './program';
import { processTerminal } from './terminal';

// Of the ranks of one training the first speaks for all.
const speaks = (launchOf(process.env)?.rank ?? 0) === 0;
if (!speaks || (await beginJob())) process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
