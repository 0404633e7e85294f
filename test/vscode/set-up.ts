/** Both releases of VS Code are there before the first test: files run side by side, and one download is enough. */
import { obtainServer } from './obtain';

export async function setup(): Promise<void> {
  await obtainServer('newest');
  await obtainServer('floor');
}
