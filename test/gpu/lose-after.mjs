/** Loaded before a program (`node --import`): the GPU is lost after so many submissions as MIM_TEST_LOSE_AFTER says. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const left = { submissions: Number(process.env.MIM_TEST_LOSE_AFTER) };
const { resolve } = createRequire(join(process.env.MIM_ENGINES, 'wgsl', 'node_modules', 'package.json'));
const { globals } = await import(pathToFileURL(resolve('webgpu')).href);
const devices = new Set();

const { requestDevice } = globals.GPUAdapter.prototype;
globals.GPUAdapter.prototype.requestDevice = async function (...given) {
  const device = await requestDevice.apply(this, given);
  devices.add(device);
  return device;
};

const { submit } = globals.GPUQueue.prototype;
globals.GPUQueue.prototype.submit = function (...given) {
  submit.apply(this, given);
  if (--left.submissions === 0) for (const device of devices) device.destroy();
};
