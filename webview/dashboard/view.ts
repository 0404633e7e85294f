/** What a view of the dashboard is given, and what it must do. */
import type { DashboardState, FromDashboard, RunKey, RunRow, ViewData } from '../../extension/core/protocol/dashboard';

export interface Dashboard {
  readonly state: DashboardState;
  /** A run that is gone is known by the name of its folder. */
  run(key: RunKey): RunRow;
  /** Kept, told to the host, and drawn at the next frame. Sections are replaced whole. */
  change(part: Partial<DashboardState>): void;
  send(message: FromDashboard): void;
}

export interface View {
  /**
   * Draws the host's last snapshot with the present state and runs; called at most once a frame.
   * Without a snapshot the host has not answered yet.
   */
  render(data: ViewData | undefined): void;
  destroy(): void;
}

/** Puts the view's elements into `container`, which it has for itself until it is destroyed. */
export type MakeView = (container: HTMLElement, dashboard: Dashboard) => View;

export function unknownRun(key: RunKey): RunRow {
  return { key, name: key.split(/[\\/]/).at(-1) ?? key, state: 'lost', starred: false, tags: [], color: 0 };
}
