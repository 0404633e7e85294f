/** Starts the page of the checkpoint editor. */
import './checkpoint.css';
import type { CheckpointState, FromCheckpoint, ToCheckpoint } from '../../extension/core/protocol/checkpoint';
import { acquireHost } from '../host';
import { CheckpointView } from './view';

new CheckpointView(document.getElementById('root')!, acquireHost<ToCheckpoint, FromCheckpoint, CheckpointState>());
