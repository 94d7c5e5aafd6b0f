import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import 'rulrr-embed/define.js';
import { Till } from './Till';

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <Till />
  </StrictMode>,
);
