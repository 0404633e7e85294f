/**
 * The schema for another extension's hover. It describes and neither suggests nor forbids: suggestions that know brackets
 * and swept keys, and problems in better words, are ours, and each appears once.
 */
import { type SchemaNode, experimentJsonSchema } from '../config/json-schema';
import { describeNode } from './describe-key';
import { keysOf, nodeAt } from './schema-at';

export interface EditorNode {
  title?: string;
  description?: string;
  markdownDescription?: string;
  /** Known to the language servers of JSON and YAML: the key is not completed. */
  doNotSuggest?: true;
  properties?: Record<string, EditorNode>;
  items?: EditorNode;
  anyOf?: EditorNode[];
}

/** The schema of an experiment without anything a text could break. */
export function editorSchema(): EditorNode {
  const schema = { title: 'MIM Lab experiment', ...relaxed(experimentJsonSchema() as SchemaNode) };
  const grid = schema.properties?.sweep?.properties?.grid;
  if (grid) grid.properties = Object.fromEntries(keysOf(['sweep', 'grid']).map((key) => [key, relaxed(nodeAt(['sweep', 'grid', key])!)]));
  return schema;
}

function relaxed(node: SchemaNode): EditorNode {
  return {
    doNotSuggest: true,
    ...(node.description && { description: node.description, markdownDescription: describeNode(node) }),
    ...(node.properties && { properties: Object.fromEntries(Object.entries(node.properties).map(([key, child]) => [key, relaxed(child)])) }),
    ...(node.items && !Array.isArray(node.items) && { items: relaxed(node.items) }),
    ...(node.anyOf && { anyOf: node.anyOf.map(relaxed) }),
  };
}
