/** The import arrows of docs/design/architecture.md. */
module.exports = {
  forbidden: [
    { name: 'core-imports-nobody', severity: 'error', from: { path: '^extension/core' }, to: { path: '^extension/(training|ui|cli)|^webview|^node_modules/(@tensorflow|onnxruntime|sharp|@types/vscode)' } },
    { name: 'training-imports-core-only', severity: 'error', from: { path: '^extension/training' }, to: { path: '^extension/(ui|cli)|^webview' } },
    { name: 'nothing-imports-ui', severity: 'error', from: { pathNot: '^extension/(ui|extension)|^test' }, to: { path: '^extension/ui' } },
    { name: 'nothing-imports-cli', severity: 'error', from: { path: '^extension', pathNot: '^extension/cli' }, to: { path: '^extension/cli' } },
    { name: 'only-ui-knows-vscode', severity: 'error', from: { pathNot: '^extension/(ui|extension)' }, to: { path: '^vscode$' } },
    { name: 'interface-starts-no-engine', severity: 'error', from: { path: '^extension/(ui|extension)' }, to: { path: '^extension/(training|cli)|^webview|^node_modules/(@tensorflow|onnxruntime|sharp)' } },
    { name: 'pages-know-only-the-protocol', severity: 'error', from: { path: '^webview' }, to: { path: '^extension', pathNot: '^extension/core/(protocol|text)/' } },
    { name: 'charts-behind-one-room', severity: 'error', from: { path: '^(webview|extension)', pathNot: '^webview/charts' }, to: { path: 'node_modules/chart' } },
    { name: 'controls-behind-one-room', severity: 'error', from: { path: '^(webview|extension)', pathNot: '^webview/controls' }, to: { path: 'node_modules/@vscode/webview-ui-toolkit' } },
    { name: 'models-do-not-know-engines', severity: 'error', from: { path: '^extension/training/(nn|masking|methods)' }, to: { path: '^extension/training/(engines/(compiled|eager)|data|evaluation)' } },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'product-does-not-use-dev-dependencies', severity: 'error', from: { path: '^extension' }, to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // The build script; the package of that name would otherwise be taken for it.
    exclude: { path: '^esbuild\\.mjs$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
