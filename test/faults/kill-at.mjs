/**
 * Loaded before a program (`--import`): ends it, as SIGKILL does, at its nth change of the file system, so that a kill falls
 * into the same place on every machine, however fast. A write that is hit is half done.
 *
 * MIM_FAULT_KILL: which one, counted from 1. MIM_FAULT_OPERATION, MIM_FAULT_PATH: patterns of what counts.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const operations = new RegExp(process.env.MIM_FAULT_OPERATION ?? '');
const paths = new RegExp(process.env.MIM_FAULT_PATH ?? '');
let left = Number(process.env.MIM_FAULT_KILL);

function isTheOne(operation, path) {
  return operations.test(operation) && paths.test(path) && --left === 0;
}

function die() {
  process.kill(process.pid, 'SIGKILL');
}

/** @param about which argument is the path that is changed. */
function watch(name, about) {
  const original = promises[name];
  promises[name] = (...args) => {
    if (isTheOne(name, String(args[about]))) die();
    return original(...args);
  };
}

function watchHandle(handle, path) {
  const write = handle.write.bind(handle);
  handle.write = (bytes, offset, length) => {
    if (isTheOne('write', path)) {
      fs.writeSync(handle.fd, bytes, offset, length >> 1);
      die();
    }
    return write(bytes, offset, length);
  };
  for (const name of ['sync', 'datasync', 'truncate']) {
    const original = handle[name].bind(handle);
    handle[name] = (...args) => {
      if (isTheOne(name, path)) die();
      return original(...args);
    };
  }
  return handle;
}

if (isMainThread) {
  const { open } = promises;
  promises.open = async (path, ...rest) => {
    if (isTheOne('open', String(path))) die();
    return watchHandle(await open(path, ...rest), String(path));
  };
  watch('mkdir', 0);
  watch('rm', 0);
  watch('rename', 1);
  watch('link', 1);
  syncBuiltinESMExports();
}
