// Types for templates, derived from the manifest. Property and event types are those of the classes themselves, so that nothing is said twice.

/** The elements of a manifest: tag, class, settable properties, events with the class of each. */
export function elementsOf(manifest) {
  return manifest.modules
    .flatMap((module) => module.declarations ?? [])
    .filter((declaration) => declaration.customElement && declaration.tagName)
    .map((declaration) => ({
      tag: declaration.tagName,
      name: declaration.name,
      summary: (declaration.summary ?? declaration.description ?? '').split('\n')[0],
      properties: (declaration.members ?? [])
        .filter((member) => member.kind === 'field' && !member.readonly)
        .map((member) => member.name),
      attributes: (declaration.attributes ?? [])
        .filter((attribute) => {
          const field = (declaration.members ?? []).find((member) => member.name === attribute.fieldName);
          return field && !field.readonly && attribute.name !== field.name;
        })
        .map(({ name, fieldName }) => ({ name, fieldName })),
      events: (declaration.events ?? []).map((event) => ({ name: event.name, type: event.type?.text ?? 'Event' })),
    }));
}

const builtIn = /^(Event|InputEvent|CustomEvent)\b/;

/** Imports of the classes that the types name. */
export function imports(elements) {
  const names = new Set(elements.flatMap((element) => [element.name, ...element.events.map((event) => event.type)]));
  const own = [...names].filter((name) => !builtIn.test(name)).sort();
  return `import type { ${own.join(', ')} } from '../index.js';\n`;
}

const union = (names) => names.map((name) => `'${name}'`).join(' | ');
const header = '// Generated from custom-elements.json.\n';

export function vueTypes(manifest) {
  const elements = elementsOf(manifest);
  const entries = elements.map(
    (element) => `    /** ${element.summary} */
    '${element.tag}': DefineElement<
      ${element.name},
      ${union(element.properties)},
      {
${element.events.map((event) => `        '${event.name}': (event: ${event.type}) => void;`).join('\n')}
      }
    >;`,
  );
  return `${header}import type { EmitFn, HTMLAttributes, PublicProps } from 'vue';
${imports(elements)}
type DefineElement<Element extends HTMLElement, Property extends keyof Element, Events extends Record<string, (event: never) => void>> = new () => Element & {
  /** For templates alone: the element has no such property. */
  $props: HTMLAttributes & Partial<Pick<Element, Property>> & PublicProps;
  /** For templates alone: the element has no such method. */
  $emit: EmitFn<Events>;
};

declare module 'vue' {
  interface GlobalComponents {
${entries.join('\n')}
  }
}
`;
}

/** Beside the types of the generator, whose `TypedEvent` and `CustomCssProperties` they use. */
export function reactTypes(manifest) {
  const elements = elementsOf(manifest);
  const entries = elements.map((element) => {
    const own = [...element.properties, ...element.events.map((event) => `on${event.name}`)];
    const attributes = element.attributes.map(
      (attribute) => `          '${attribute.name}'?: ${element.name}['${attribute.fieldName}'] | undefined;`,
    );
    const events = element.events.map(
      (event) =>
        `          'on${event.name}'?: ((event: TypedEvent<${element.name}, ${event.type}>) => void) | undefined;`,
    );
    return `      /** ${element.summary} */
      '${element.tag}': Omit<import('react').HTMLAttributes<${element.name}>, ${union(own)}> &
        import('react').RefAttributes<${element.name}> & {
          [Property in ${union(element.properties)}]?: ${element.name}[Property] | undefined;
        } & {
          class?: string | undefined;
${[...attributes, ...events].join('\n')}
        };`;
  });
  return `
declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
${entries.join('\n')}
    }
  }
  interface CSSProperties extends CustomCssProperties {}
}
`;
}

export function svelteTypes(manifest) {
  const elements = elementsOf(manifest);
  const entries = elements.map((element) => {
    const attributes = element.attributes.map(
      (attribute) => `      '${attribute.name}'?: ${element.name}['${attribute.fieldName}'] | undefined;`,
    );
    const events = element.events.map(
      (event) => `      'on${event.name}'?: ((event: ${event.type}) => void) | null | undefined;`,
    );
    const omitted = element.events.map((event) => `'on${event.name}'`).join(' | ');
    return `    /** ${element.summary} */
    '${element.tag}': Omit<HTMLAttributes<${element.name}>, ${omitted} | ${union(element.properties)}> & {
      [Property in ${union(element.properties)}]?: ${element.name}[Property] | undefined;
    } & {
${[...attributes, ...events].join('\n')}
    };`;
  });
  return `${header}import type { HTMLAttributes } from 'svelte/elements';
${imports(elements)}
declare module 'svelte/elements' {
  interface SvelteHTMLElements {
${entries.join('\n')}
  }
}
`;
}
