import { defineConfig } from 'vite';
import { offline } from './offline-plugin.ts';

export default defineConfig({
  // Relative addresses: the built folder works wherever a static host puts it.
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  worker: { format: 'es' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  plugins: [offline()],
});
