import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../../extension/cli/exit-codes';
import { stopOnSignals } from '../../../extension/cli/stop-on-signals';
import { StopSignal } from '../../../extension/training/stop-signal';
import { recordingTerminal } from './recording-terminal';

function setUp() {
  const exits: number[] = [];
  const source = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) });
  const stop = new StopSignal();
  const terminal = recordingTerminal();
  const release = stopOnSignals(stop, terminal, source);
  return { exits, source, stop, terminal, release };
}

describe('signals', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGUSR1'])('%s asks for a checkpoint and lets the step finish', (signal) => {
    const { source, stop, exits, terminal } = setUp();
    source.emit(signal);
    expect(stop.requested).toBe(true);
    expect(stop.why).toBe(signal);
    expect(exits).toEqual([]);
    expect(terminal.stderr[0]).toContain('checkpoint');
  });

  it('a second SIGINT leaves at once and says where the run stands', () => {
    const { source, exits, terminal } = setUp();
    source.emit('SIGINT');
    source.emit('SIGINT');
    expect(exits).toEqual([exitCodes.interrupted]);
    expect(terminal.stderr.at(-1)).toContain('last checkpoint');
  });

  it('repeated SIGTERM, as schedulers send them, does not hurry the checkpoint', () => {
    const { source, exits, terminal } = setUp();
    source.emit('SIGTERM');
    source.emit('SIGTERM');
    expect(exits).toEqual([]);
    expect(terminal.stderr).toHaveLength(1);
  });

  it('are the default again once training is over', () => {
    const { source, release } = setUp();
    release();
    expect(source.eventNames()).toEqual([]);
  });
});
