import type { Flow } from './connections.js';
import { Refusal } from './refusal.js';
import { flowKey, type ConnectionRow, type FlowRow, type Rows } from './rows.js';

export const emptyConnection = (storeId: string): ConnectionRow => ({ storeId, lastOrder: 0, endedThrough: 0 });

export const bareFlow = (flow: Flow): FlowRow => ({ ...flow, order: 0, state: 'open', attempts: 0 });

/** The session's row, made if it is not there: first its place among the sessions of its store, then the row. */
export async function ensureSession(rows: Rows, flow: Flow): Promise<FlowRow> {
  let row = await rows.read<FlowRow>(flowKey(flow.flowId));
  if (!row) {
    const connection = await rows.update<ConnectionRow>(await rows.connectionKey(flow.storeId), (standing) => {
      const base = standing ?? emptyConnection(flow.storeId);
      return { ...base, lastOrder: base.lastOrder + 1 };
    });
    const { flowId, storeId, integrationToken, startedAt, expiresAt } = flow;
    const order = connection!.lastOrder;
    row = await rows.update<FlowRow>(
      flowKey(flowId),
      (standing) =>
        standing ?? { flowId, storeId, integrationToken, startedAt, expiresAt, order, state: 'open', attempts: 0 },
    );
  }
  if (row!.storeId !== flow.storeId) throw new Refusal('not_yours', 'This session belongs to another store.');
  return row!;
}

/** A session that ended without tokens needs no row: Rulrr goes on saying how it ended. */
export function dropSession(rows: Rows, flowId: string): Promise<boolean> {
  return rows.remove<FlowRow>(flowKey(flowId), (row) => row.state === 'open' && !row.raw && !row.odd && !row.goneAt);
}
