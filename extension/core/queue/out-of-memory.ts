/** How it is known that a process ended for want of memory. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Words of ONNX Runtime, the native engine, the C++ library, V8, typed arrays, worker threads, Vulkan, and the system. */
const WORDS = /std::bad_alloc|\bbad allocation\b|out of memory|heap limit|failed to allocate (?:memory|\d+ bytes)|array buffer allocation failed|invalid (?:typed )?array length|ERR_WORKER_OUT_OF_MEMORY|cannot allocate memory|has no \d+ bytes of memory left|\bENOMEM\b|VK_ERROR_OUT_OF_(?:DEVICE|HOST)_MEMORY/i;

export function ranOutOfMemory(words: string): boolean {
  return WORDS.test(words);
}

/**
 * How many processes were killed for want of memory so far: in this process's control group, of which its jobs are, or on the
 * whole machine; undefined where the system does not tell.
 */
export async function memoryKills(): Promise<number | undefined> {
  const groups = await readFile('/proc/self/cgroup', 'latin1').catch(() => '');
  for (const [file, key] of counters(groups)) {
    const found = new RegExp(`^${key} (\\d+)$`, 'm').exec(await readFile(file, 'latin1').catch(() => ''));
    if (found !== null) return Number(found[1]);
  }
  return undefined;
}

/** Where the count stands: version 2 of control groups, version 1, the kernel's own. */
function counters(groups: string): (readonly [file: string, key: string])[] {
  const unified = /^0::(.+)$/m.exec(groups)?.[1];
  const memory = /^\d+:(?:[\w,=]+,)?memory(?:,[\w,=]+)?:(.+)$/m.exec(groups)?.[1];
  return [
    ...(unified === undefined ? [] : [[path.join('/sys/fs/cgroup', unified, 'memory.events'), 'oom_kill'] as const]),
    ...(memory === undefined ? [] : [[path.join('/sys/fs/cgroup/memory', memory, 'memory.oom_control'), 'oom_kill'] as const]),
    ['/proc/vmstat', 'oom_kill'],
  ];
}
