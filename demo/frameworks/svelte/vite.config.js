import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  plugins: [svelte()],
  // The till's own server, with the proxy below /rulrr: `npm start` at the top of the repository.
  server: { proxy: { '/rulrr': 'http://localhost:5173' }, port: 5176 },
});
