/** The documents that are experiments, and what is known of each version of their text. */
import * as vscode from 'vscode';
import { type CheckedExperiment, checkText } from '../../core/config/load';
import { type KeyPlace, keyPlaces } from '../../core/language/locate-key';
import type { OffsetRange } from '../../core/language/text-edit';

export const experimentSelector: vscode.DocumentSelector = { pattern: '**/*.mim.{yaml,yml}' };

export function isExperiment(document: vscode.TextDocument): boolean {
  return vscode.languages.match(experimentSelector, document) > 0;
}

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

export function rangeIn(document: vscode.TextDocument, { start, end }: OffsetRange): vscode.Range {
  return new vscode.Range(document.positionAt(start), document.positionAt(end));
}
