/** Starts the page of the dashboard. */
import './dashboard.css';
import type { DashboardState, FromDashboard, ToDashboard } from '../../extension/core/protocol/dashboard';
import { acquireHost } from '../host';
import { App } from './app';

new App(document.getElementById('root')!, acquireHost<ToDashboard, FromDashboard, DashboardState>());
