/** How far a download is. */
export interface DownloadProgress {
  /** `owner/name/file` */
  readonly file: string;
  /** Bytes. */
  readonly received: number;
  readonly total: number;
}

/** In whole percent, rounded down: 100 means that all of it is there. */
export function downloadedPercent({ received, total }: DownloadProgress): number {
  return Math.floor((100 * received) / Math.max(1, total));
}
