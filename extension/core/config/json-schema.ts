/** The JSON Schema of an experiment, from the one schema: what YAML editors complete, describe and check from. */
import * as z from 'zod';
import { writtenExperimentSchema } from './schema';

/** The part of JSON Schema (draft-07) that the schema of an experiment uses. */
export interface SchemaNode {
  type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: string[];
  examples?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  properties?: Record<string, SchemaNode>;
  additionalProperties?: SchemaNode | boolean;
  required?: string[];
  items?: SchemaNode | SchemaNode[];
  anyOf?: SchemaNode[];
}

let made: SchemaNode | undefined;

/** Made when it is first asked for: it takes longer than all else that the extension loads. */
function described(): SchemaNode {
  return (made ??= z.toJSONSchema(writtenExperimentSchema, { target: 'draft-7', io: 'input' }) as SchemaNode);
}

/** Draft-07, which the YAML extensions of editors know best. */
export function experimentJsonSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'MIM Lab experiment',
    description: 'A masked-image-modeling experiment (`*.mim.yaml`).',
    ...described(),
  };
}

/** What the schema says at a path; an index stands for any item of a list. */
export function schemaNodeAt(path: readonly PropertyKey[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = described();
  for (const step of path) {
    node = node && childNode(node, step);
  }
  return node;
}

function childNode(node: SchemaNode, step: PropertyKey): SchemaNode | undefined {
  for (const choice of node.anyOf ?? [node]) {
    if (typeof step === 'number') {
      const item = Array.isArray(choice.items) ? choice.items[step] : choice.items;
      if (item) return item;
    } else if (choice.properties && Object.hasOwn(choice.properties, step)) {
      return choice.properties[String(step)];
    } else if (typeof choice.additionalProperties === 'object') {
      return choice.additionalProperties;
    }
  }
  return undefined;
}

/** The keys that may stand at a path. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const node = schemaNodeAt(path);
  return (node?.anyOf ?? (node ? [node] : [])).flatMap((choice) => Object.keys(choice.properties ?? {}));
}

/** The sections in which a key of this name may stand: `batch_size` → [`optimizer`]. */
export function sectionsWithKey(name: string): string[] {
  return Object.keys(described().properties ?? {}).filter((section) => keysAt([section]).includes(name));
}
