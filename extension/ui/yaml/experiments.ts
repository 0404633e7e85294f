/** What is known of each version of an experiment's text. */
import type * as vscode from 'vscode';
import { type CheckedExperiment, checkText } from '../../core/config/load';
import { type KeyPlace, keyPlaces } from '../../core/language/locate-key';

export interface Reading {
  readonly checked: CheckedExperiment;
  readonly places: readonly KeyPlace[];
}

const readings = new WeakMap<vscode.TextDocument, Reading & { readonly version: number }>();

/** Parsed and resolved once a version, whoever asks. */
export function readingOf(document: vscode.TextDocument): Reading {
  const known = readings.get(document);
  if (known?.version === document.version) return known;
  const text = document.getText();
  const reading = { version: document.version, checked: checkText(text, document.fileName), places: keyPlaces(text) };
  readings.set(document, reading);
  return reading;
}
