import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

interface Referenceable {
  $ref?: string;
}

export interface DescribedHeader extends Referenceable {
  required?: boolean;
  schema: object;
}

export interface DescribedResponse extends Referenceable {
  description: string;
  headers?: Record<string, DescribedHeader>;
  content?: Record<string, { schema: Referenceable; example?: unknown; examples?: Record<string, { value: unknown }> }>;
}

export interface Operation {
  operationId?: string;
  parameters?: (Referenceable & { name?: string; in?: string; required?: boolean; schema?: object })[];
  requestBody?: { content: Record<string, { schema: Referenceable; example?: unknown }> };
  responses: Record<string, DescribedResponse>;
}

export interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, { properties?: Record<string, { enum?: string[] }>; required?: string[] }>;
    responses: Record<string, DescribedResponse>;
  };
}

const text = readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8');
export const document = parse(text, { merge: true }) as Document;

/** What is wrong with the document by OpenAPI's own schema; empty if nothing is. */
export async function documentFaults(): Promise<string[]> {
  const { valid, errors = [] } = await new Validator().validate(
    structuredClone(document) as unknown as Record<string, unknown>,
  );
  if (valid) return [];
  return typeof errors === 'string'
    ? [errors]
    : errors.map(({ instancePath, message }) => `${instancePath || '(whole)'} ${message}`);
}

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
ajv.addFormat('uri', (value: string) => URL.canParse(value));
// The document itself is no schema: only what a pointer into it names is compiled.
for (const word of ['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components']) ajv.addKeyword(word);
ajv.addSchema(document, 'openapi.yaml');

/** Every `$ref` of the document. */
export function references(value: unknown = document): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { $ref } = value as Referenceable;
  return [...(typeof $ref === 'string' ? [$ref] : []), ...Object.values(value).flatMap(references)];
}

/** Follows a `$ref`, if there is one. @throws if it leads nowhere */
export function resolve<T extends object>(value: T & Referenceable): T {
  if (!value.$ref) return value;
  let at: unknown = document;
  for (const part of value.$ref.replace(/^#\//, '').split('/'))
    at = (at as Record<string, unknown> | undefined)?.[part];
  if (typeof at !== 'object' || at === null) throw new Error(`${value.$ref} leads nowhere`);
  return resolve(at as T & Referenceable);
}

const compiled = new WeakMap<object, ValidateFunction>();

/** What is wrong with a value by a schema of the document; empty if nothing is. */
export function faults(schema: object, value: unknown): string[] {
  let validate = compiled.get(schema);
  if (!validate) {
    // Pointers are meant from the document's root.
    const rooted = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi.yaml#/')) as object;
    compiled.set(schema, (validate = ajv.compile(rooted)));
  }
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || '(whole)'} ${message}`);
}

/** What is wrong with an answer by its description: the status, the headers, the media type, the body. */
export function answerFaults(described: DescribedResponse, headers: Headers, body: string): string[] {
  const found: string[] = [];
  for (const [name, header] of Object.entries(described.headers ?? {})) {
    const { required, schema } = resolve(header);
    const value = headers.get(name);
    if (value === null) {
      if (required) found.push(`header ${name} is missing`);
      continue;
    }
    const number = (schema as { type?: string }).type === 'integer';
    found.push(...faults(schema, number ? Number(value) : value).map((fault) => `header ${name}: ${fault}`));
  }
  const type = headers.get('Content-Type');
  if (!described.content) return body || type ? [...found, 'a body where none is described'] : found;
  const media = described.content[type ?? ''];
  if (!media) return [...found, `media type ${type} is not described`];
  return [...found, ...faults(media.schema, JSON.parse(body))];
}
