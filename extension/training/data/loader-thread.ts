/** A loader thread: receives orders, does them one after another, sends the images back without copying. */
import { parentPort, workerData } from 'node:worker_threads';
import { ImageWork, type WorkResult, type WorkSettings } from './image-work';
import { packError, type OrderMessage, type ReplyMessage } from './loader-messages';

const port = parentPort;
if (!port) throw new Error('loader-thread runs as a worker thread only');

const work = ImageWork.open(workerData as WorkSettings);
// Each order fails for itself where the source cannot be opened.
work.catch(() => undefined);

let queue: Promise<void> = Promise.resolve();
port.on('message', (message: OrderMessage) => {
  queue = queue.then(async () => {
    try {
      const result: WorkResult = await (await work).run(message.order);
      const reply: ReplyMessage = { id: message.id, result };
      port.postMessage(reply, [result.images.buffer as ArrayBuffer]);
    } catch (error) {
      const reply: ReplyMessage = { id: message.id, error: packError(error) };
      port.postMessage(reply);
    }
  });
});
