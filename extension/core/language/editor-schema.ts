/**
 * The schema for another extension's completion and hover: it describes and suggests but forbids nothing, so that
 * our checker alone reports what is wrong, in better words and only once.
 */
import { experimentJsonSchema } from '../config/json-schema';
import type { SchemaNode } from '../config/json-schema';
import { describeNode } from './describe-key';
import { choicesOf } from './snippets';

export interface EditorNode {
  title?: string;
  description?: string;
  markdownDescription?: string;
  default?: unknown;
  defaultSnippets?: { label: string; body: unknown }[];
  properties?: Record<string, EditorNode>;
  items?: EditorNode;
  anyOf?: EditorNode[];
}

/** The schema of an experiment without anything a text could break. */
export function editorSchema(): EditorNode {
  return { title: 'MIM Lab experiment', ...relaxed(experimentJsonSchema() as SchemaNode) };
}

function relaxed(node: SchemaNode): EditorNode {
  const words = node.anyOf ? [] : [...choicesOf(node), ...(node.examples ?? []).filter((example) => typeof example !== 'object').map(String)];
  return {
    ...(node.description && { description: node.description, markdownDescription: describeNode(node) }),
    ...(node.default !== undefined && { default: node.default }),
    ...(words.length > 0 && { defaultSnippets: words.map((word) => ({ label: word, body: word === 'true' || word === 'false' ? word === 'true' : word })) }),
    ...(node.properties && { properties: Object.fromEntries(Object.entries(node.properties).map(([key, child]) => [key, relaxed(child)])) }),
    ...(node.items && !Array.isArray(node.items) && { items: relaxed(node.items) }),
    ...(node.anyOf && { anyOf: node.anyOf.map(relaxed) }),
  };
}
