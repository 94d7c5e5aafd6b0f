import { provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import 'rulrr-embed/define.js';
import { Till } from './till';

bootstrapApplication(Till, { providers: [provideZonelessChangeDetection()] }).catch((error: unknown) =>
  console.error(error),
);
