// The one way in which tests, benches and the README's picture start Chromium.
import { chromium } from 'playwright-core';
import { chromiumFlags, find } from './browsers.mjs';

/** @param {string[]} [more] further flags */
export const launchChromium = (more = []) =>
  chromium.launch({ executablePath: find('chromium'), args: [...chromiumFlags, ...more] });
