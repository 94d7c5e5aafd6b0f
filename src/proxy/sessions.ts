import type { Flow } from './flow.js';
import type { Emit } from './events.js';
import { Refusal } from './refusal.js';
import { flowKey, type ConnectionRow, type FlowRow, type Rows } from './rows.js';

const hourMs = 3_600_000;
/** A session counts as expired this long after its time, so that a clock that is an hour off ends none too early. */
export const expirySlackMs = hourMs;
/** Ended sessions are remembered this long after their time. */
export const keepMs = 24 * hourMs;

export const emptyConnection = (storeId: string): ConnectionRow => ({ storeId, lastOrder: 0, endedThrough: 0 });

export const bareFlow = (flow: Flow, order: number): FlowRow => ({ ...flow, order, state: 'open', attempts: 0 });

/** The session's row, made if it is not there: first its place among the sessions of its store, then the row. */
export async function ensureSession(rows: Rows, flow: Flow): Promise<FlowRow> {
  let row = await rows.read<FlowRow>(flowKey(flow.flowId));
  if (!row) {
    const connection = await rows.update<ConnectionRow>(await rows.connectionKey(flow.storeId), (standing) => {
      const base = standing ?? emptyConnection(flow.storeId);
      return { ...base, lastOrder: base.lastOrder + 1 };
    });
    const made = bareFlow(flow, connection!.lastOrder);
    row = await rows.update<FlowRow>(flowKey(flow.flowId), (standing) => standing ?? made);
  }
  if (row!.storeId !== flow.storeId) throw new Refusal('not_yours', 'This session belongs to another store.');
  return row!;
}

/**
 * True for a session so old that its row has been let go: nothing can be said of it any more but that. False at once, without a look
 * at the store, for one whose row must still be there: every poll asks.
 */
export function isOver(rows: Rows, flow: Flow, now: number): false | Promise<boolean> {
  // Replicas' clocks differ: the first to let go may be ahead of the one that is asked.
  if (now <= flow.expiresAt + keepMs - expirySlackMs) return false;
  return rows.read<FlowRow>(flowKey(flow.flowId)).then((row) => !row);
}

/** A session that was cancelled needs no row: Rulrr goes on saying how it ended. */
export function dropSession(rows: Rows, flowId: string): Promise<boolean> {
  return rows.remove<FlowRow>(flowKey(flowId), (row) => row.state === 'open' && !row.raw && !row.odd && !row.goneAt);
}

/** The merchant gave up. Told once, by whoever lets go of the row. */
export async function cancelSession(rows: Rows, { flowId, storeId }: Flow, emit: Emit): Promise<void> {
  if (await dropSession(rows, flowId)) emit({ type: 'integration-cancelled', flowId, storeId });
}

/**
 * Ends a session that took too long. The row stays for its place among the others: the merchant may finish all the same, and made anew
 * it would be newer than a later session, or than the end of them all.
 */
export function expireSession(rows: Rows, flowId: string): Promise<FlowRow | null> {
  return rows.update<FlowRow>(flowKey(flowId), (row) => {
    if (row?.state !== 'open' || row.odd || row.goneAt) return undefined;
    return { ...row, state: 'expired' };
  });
}

/**
 * Ends a session that was started before its store was forgotten. The row stays: made anew it would be newer than that end,
 * and bring the tokens back.
 */
export function overtakeSession(rows: Rows, flowId: string): Promise<FlowRow | null> {
  return rows.update<FlowRow>(flowKey(flowId), (row) => {
    if (row?.state !== 'open') return undefined;
    const { integrationToken: _, lease: __, ...rest } = row;
    return { ...rest, state: 'cancelled' };
  });
}

/**
 * Ends a session for which Rulrr has given the tokens out, and nobody can read or has any. Told once; tokens that turn up late still win.
 * @returns what stands
 */
export async function loseSession(rows: Rows, { flowId, storeId }: Flow, emit: Emit): Promise<FlowRow | null> {
  let ours = false;
  const ended = await rows.update<FlowRow>(flowKey(flowId), (row) => {
    ours = row?.state === 'open' && Boolean(row.goneAt || row.odd);
    if (!row || !ours) return undefined;
    const { integrationToken: _, lease: __, ...rest } = row;
    return { ...rest, state: 'lost' };
  });
  // `attempt: 1` means that no earlier call of ours can explain it: an egress proxy that repeats calls, perhaps.
  if (ours) emit({ type: 'integration-lost', flowId, storeId, attempt: ended?.attempts });
  return ended;
}
