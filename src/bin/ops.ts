#!/usr/bin/env node
// `ops`: the command line of the people who run the service. Each verb is a file of src/ops.
import { runOps } from '../operating/command.js';

process.exit(await runOps(process.argv.slice(2)));
