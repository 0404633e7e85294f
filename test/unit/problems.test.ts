import { expect, test } from 'vitest';
import { sentences } from '../../extension/core/problems';

test('what happened and what to do are sentences of one line, whether or not the first one ends with a stop', () => {
  expect(sentences({ message: 'runs/a has no checkpoint of step 264', hint: 'It has those of step 268, 276.' })).toBe('runs/a has no checkpoint of step 264. It has those of step 268, 276.');
  expect(sentences({ message: 'There is none yet.', hint: 'Run a pretraining first.' })).toBe('There is none yet. Run a pretraining first.');
  expect(sentences({ message: 'Nothing more to say' })).toBe('Nothing more to say');
});
