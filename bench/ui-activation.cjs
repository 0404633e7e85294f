/* eslint-disable @typescript-eslint/no-require-imports -- an extension host loads CommonJS */
/**
 * Stands in the extension's place, which lies beside it as program.cjs, and writes to activation.txt what processor time, in
 * ms, the host took from loading the program to the end of `activate`.
 */
const { writeFileSync } = require('node:fs');
const path = require('node:path');

const begun = process.cpuUsage();
const program = require('./program.cjs');
const loading = process.cpuUsage(begun);

exports.activate = (context) => {
  const before = process.cpuUsage();
  program.activate(context);
  const activating = process.cpuUsage(before);
  const microseconds = [loading, activating].reduce((sum, { user, system }) => sum + user + system, 0);
  writeFileSync(path.join(__dirname, 'activation.txt'), String(microseconds / 1000));
};
