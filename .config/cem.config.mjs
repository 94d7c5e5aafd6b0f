// The manifest describes what a user of the package can reach: the two elements, their attributes, properties, methods, events, parts and
// custom properties, under the paths that are shipped.
const shipped = (path) => path.replace(/^\/?src\//, 'dist/').replace(/\.ts$/, '.js');

/** Reactive state of an element's own is written `@state()`; the analyzer takes it for a public property. */
const dropInternalState = () => {
  const internal = new Set();
  return {
    name: 'drop-internal-state',
    analyzePhase({ ts, node, moduleDoc }) {
      if (!ts.isClassDeclaration(node) || !node.name) return;
      for (const member of node.members) {
        const decorators = ts.canHaveDecorators(member) ? (ts.getDecorators(member) ?? []) : [];
        if (decorators.some((decorator) => /^@state\b/.test(decorator.getText()))) {
          internal.add(`${moduleDoc.path}#${node.name.getText()}.${member.name.getText()}`);
        }
      }
    },
    packageLinkPhase({ customElementsManifest }) {
      for (const module of customElementsManifest.modules) {
        for (const declaration of module.declarations ?? []) {
          const keep = (member) =>
            (member.privacy ?? 'public') === 'public' &&
            !member.static &&
            !/^[#_]/.test(member.name) &&
            !internal.has(`${module.path}#${declaration.name}.${member.name}`);
          if (declaration.members)
            declaration.members = declaration.members.filter((member) => keep(member) && !isLifecycle(member));
          if (declaration.attributes) {
            declaration.attributes = declaration.attributes.filter(
              (attribute) =>
                !attribute.fieldName ||
                (declaration.members ?? []).some((member) => member.name === attribute.fieldName),
            );
          }
        }
      }
    },
  };
};

const lifecycle = new Set(
  (
    'connectedCallback disconnectedCallback connectedMoveCallback attributeChangedCallback adoptedCallback formResetCallback formDisabledCallback formAssociatedCallback formStateRestoreCallback createRenderRoot render willUpdate update updated ' +
    'firstUpdated shouldUpdate getUpdateComplete scheduleUpdate performUpdate requestUpdate'
  ).split(' '),
);
const isLifecycle = (member) => member.kind === 'method' && lifecycle.has(member.name);

/** Events without a name come from `dispatchEvent(event)` with a variable; the class comment names each event that there is. */
const onlyNamedEvents = () => ({
  name: 'only-named-events',
  packageLinkPhase({ customElementsManifest }) {
    for (const module of customElementsManifest.modules) {
      for (const declaration of module.declarations ?? []) {
        if (!declaration.events) continue;
        const named = declaration.events.filter((event) => event.name && event.description);
        declaration.events = [...new Map(named.map((event) => [event.name, event])).values()];
      }
    }
  },
});

/** A method whose comment has `@returns` loses its type: the analyzer takes the one that TypeScript's comments leave out. */
const returnTypes = () => {
  const types = new Map();
  return {
    name: 'return-types',
    analyzePhase({ ts, node, moduleDoc }) {
      if (!ts.isClassDeclaration(node) || !node.name) return;
      for (const member of node.members)
        if (ts.isMethodDeclaration(member) && member.type)
          types.set(`${moduleDoc.path}#${node.name.getText()}.${member.name.getText()}`, member.type.getText());
    },
    packageLinkPhase({ customElementsManifest }) {
      for (const module of customElementsManifest.modules)
        for (const declaration of module.declarations ?? [])
          for (const member of declaration.members ?? []) {
            const text = types.get(`${module.path}#${declaration.name}.${member.name}`);
            if (text) member.return = { ...member.return, type: { text } };
          }
    },
  };
};

const shippedPaths = () => ({
  name: 'shipped-paths',
  packageLinkPhase({ customElementsManifest }) {
    const walk = (value) => {
      if (!value || typeof value !== 'object') return;
      for (const [key, inner] of Object.entries(value)) {
        if ((key === 'path' || key === 'module') && typeof inner === 'string') value[key] = shipped(inner);
        else walk(inner);
      }
    };
    customElementsManifest.modules = customElementsManifest.modules.filter(
      (module) =>
        (module.declarations ?? []).some((declaration) => declaration.customElement) ||
        (module.exports ?? []).some((entry) => entry.kind === 'custom-element-definition'),
    );
    for (const module of customElementsManifest.modules) {
      module.declarations = (module.declarations ?? []).filter((declaration) => declaration.customElement);
      const names = new Set(module.declarations.map((declaration) => declaration.name));
      module.exports = (module.exports ?? []).filter(
        (entry) => entry.kind !== 'js' || names.has(entry.declaration?.name),
      );
    }
    walk(customElementsManifest.modules);
    customElementsManifest.modules.sort((one, other) => (one.path < other.path ? -1 : 1));
  },
});

export default {
  globs: ['src/connect/*.ts', 'src/numpad/*.ts', 'src/define/*.ts'],
  litelement: true,
  outdir: '.',
  plugins: [dropInternalState(), onlyNamedEvents(), returnTypes(), shippedPaths()],
};
