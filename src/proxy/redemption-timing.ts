import { saveWaits } from './in-flight.js';

/** Milliseconds throughout. */
export interface RedemptionTiming {
  /**
   * How long others leave a redemption to whoever began it and was not heard of since: it is renewed while that process lives.
   * Saves calls; nothing is safe because of it.
   */
  lease: number;
  /** How long one redeem call is waited for. It is not aborted then: its answer is saved whenever it comes. */
  attempt: number;
  /**
   * From the first 410 to the verdict that the tokens are lost, where another replica called too: longer than any call in
   * flight is waited for. Calls of this process that still stand then are waited for as well.
   */
  grace: number;
  /** Waits between redeem calls, each jittered; when they are used up, a later poll begins again. */
  retries: readonly number[];
  /** Waits between tries to save an answer; the last one repeats for as long as the process lives. */
  saves: readonly number[];
  /** Pause after a refusal (400, 403) and after the last retry. */
  cooldown: number;
}

export const redemptionTiming: RedemptionTiming = {
  lease: 20_000,
  attempt: 60_000,
  grace: 90_000,
  retries: [250, 1_000, 4_000, 15_000, 60_000],
  saves: saveWaits,
  cooldown: 10_000,
};
