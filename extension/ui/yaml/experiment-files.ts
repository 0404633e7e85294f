/** Which documents are experiments. */
import * as vscode from 'vscode';

export const experimentSelector: vscode.DocumentSelector = { pattern: '**/*.mim.{yaml,yml}' };

export function isExperiment(document: vscode.TextDocument): boolean {
  return vscode.languages.match(experimentSelector, document) > 0;
}
