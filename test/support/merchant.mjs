// The merchant, on the sandbox's connect page: in a frame, or in a window of its own.
/** @typedef {import('playwright-core').FrameLocator | import('playwright-core').Page} Place */

/**
 * Presses, and once more where nothing comes of it, as people do: on a busy machine a browser may show the frame of another process before it hands
 * presses to it, and loses those until then.
 * @param {import('playwright-core').Locator} target
 * @param {(timeout: number) => Promise<void>} outcome
 */
async function press(target, outcome) {
  await target.click();
  for (let tries = 0; tries < 5; tries++) {
    const came = await outcome(4000).then(
      () => true,
      () => false,
    );
    if (came) return;
    await target.click({ timeout: 4000 }).catch(() => undefined);
  }
  await outcome(30_000);
}

/**
 * Leaves a step. Each is a document of its own: the one before may still be there, with a button of that name.
 * @param {Place} place
 * @param {1 | 2 | 3} step
 * @param {'next' | 'finish' | 'cancel'} action
 */
export async function leaveStep(place, step, action) {
  const button = place.locator(`form:has([name="step"][value="${step}"]) [data-action="${action}"]`);
  await press(button, (timeout) => button.waitFor({ state: 'detached', timeout }));
}

/**
 * Connects the store.
 * @param {Place} place
 * @param {'on' | 'off'} [ereceipt]
 */
export async function linkStore(place, ereceipt = 'on') {
  await leaveStep(place, 1, 'next');
  const choice = place.locator(`[data-ereceipt="${ereceipt}"]`);
  await press(choice, (timeout) => choice.and(place.locator(':checked')).waitFor({ timeout }));
  await leaveStep(place, 2, 'next');
  await leaveStep(place, 3, 'finish');
}
