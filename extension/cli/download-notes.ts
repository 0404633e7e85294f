/** How far a download is, in words. */
import { bytes } from '../core/text/format';
import type { FetchOptions } from '../core/hub/fetch-weights';
import { downloadedPercent, type DownloadProgress } from '../core/hub/progress';
import type { Terminal } from './terminal';

export function downloadText(progress: DownloadProgress): string {
  const { file, received, total } = progress;
  return `downloading ${file}: ${bytes(received)} of ${bytes(total)} (${downloadedPercent(progress)} %)`;
}

/** Hands on a line every `interval` milliseconds, and the last one of what took longer. */
export function pacedDownloadNotes(note: (line: string) => void, clock: () => number = Date.now, interval = 5_000): (progress: DownloadProgress) => void {
  let next = clock() + interval;
  let said = false;
  return (progress) => {
    const now = clock();
    const isLast = said && progress.received === progress.total;
    if (now < next && !isLast) return;
    next = now + interval;
    said = !isLast;
    note(downloadText(progress));
  };
}

/** For commands without a display of their own. */
export function fetchingNotes(terminal: Terminal): FetchOptions {
  const note = (line: string): void => terminal.note(line);
  return { onMessage: note, onProgress: pacedDownloadNotes(note) };
}
