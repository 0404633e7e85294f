/**
 * The schema for another extension's hover. It describes and neither suggests nor forbids: suggestions that know brackets
 * and swept keys, and problems in better words, are ours, and each appears once.
 */
import { type SchemaNode, experimentJsonSchema } from '../config/json-schema';
import type { Path } from '../config/yaml-tree';
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
  const sweep = schema.properties?.sweep?.properties;
  describeKeys(sweep?.grid, ['sweep', 'grid']);
  describeKeys(sweep?.list?.items, ['sweep', 'list', 0]);
  describeKeys(sweep?.random?.properties?.keys, ['sweep', 'random', 'keys']);
  describeKeys(sweep?.conditions?.items?.properties?.if, ['sweep', 'conditions', 0, 'if']);
  describeKeys(sweep?.conditions?.items?.properties?.set, ['sweep', 'conditions', 0, 'set']);
  return schema;
}

/** Lists the dotted keys that may stand in a mapping of a sweep. */
function describeKeys(node: EditorNode | undefined, path: Path): void {
  if (node) node.properties = Object.fromEntries(keysOf(path).map((key) => [key, relaxed(nodeAt([...path, key])!)]));
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
