import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  // These tags are elements, not components of Vue.
  plugins: [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith('rulrr-') } } })],
  // The till's own server, with the proxy below /rulrr: `npm start` at the top of the repository.
  server: { proxy: { '/rulrr': 'http://localhost:5173' }, port: 5175 },
});
