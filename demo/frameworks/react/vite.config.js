import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  plugins: [react()],
  // The till's own server, with the proxy below /rulrr: `npm start` at the top of the repository.
  server: { proxy: { '/rulrr': 'http://localhost:5173' }, port: 5174 },
});
