/** Gives arrays' memory back at once. The collector of garbage does so when it next runs, which may be after the next step made as many. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** What is handed over to a port that is closed is freed with the message, which nobody gets. */
function closedPort(): MessagePort {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}

const nowhere = closedPort();

/** They are empty afterwards. What shares its memory with others (a small Buffer does) is left to the collector. */
export function releaseMemory(arrays: readonly ArrayBufferView[]): void {
  const own = arrays.filter(({ buffer, byteLength }) => buffer.byteLength === byteLength);
  nowhere.postMessage(null, [...new Set(own.map(({ buffer }) => buffer as ArrayBuffer))]);
}
