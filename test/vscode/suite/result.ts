/** One test of the suite in the extension host; without a problem it passed. */
export interface SuiteResult {
  readonly title: string;
  readonly problem?: string;
}
