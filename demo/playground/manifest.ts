// The manifest as the playground reads it: what there is to play with comes from there alone.
export interface Named {
  name: string;
  description?: string;
}
export interface Field extends Named {
  kind: 'field';
  type?: { text: string };
  default?: string;
  attribute?: string;
  readonly?: boolean;
}
export interface Method extends Named {
  kind: 'method';
  parameters?: { name: string }[];
}
export interface Described {
  tagName: string;
  members: (Field | Method)[];
  attributes: (Named & { fieldName?: string })[];
  events: Named[];
  slots?: Named[];
  cssParts: Named[];
  cssProperties: (Named & { default?: string })[];
}

export async function readManifest(): Promise<Described[]> {
  const manifest = (await (await fetch('/custom-elements.json')).json()) as {
    modules: { declarations: Described[] }[];
  };
  return manifest.modules.flatMap(({ declarations }) => declarations).filter(({ tagName }) => tagName);
}

/** The literals of a union such as `'inline' | 'dialog'`; null for any other type. */
export function choicesOf(type = ''): string[] | null {
  const parts = type.split('|').map((part) => part.trim());
  return parts.every((part) => /^'[^']*'$/.test(part)) ? parts.map((part) => part.slice(1, -1)) : null;
}

/** A preset of the manifest, as the value that it is; undefined where it is no literal. */
export function presetOf({ default: text }: Field): string | number | boolean | undefined {
  if (text === undefined) return undefined;
  if (/^'.*'$/.test(text)) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
