import { RulrrApi } from '../../src/api/index.js';
import { serveSandbox } from '../../src/sandbox/index.js';

/**
 * Rulrr for the frames of the gallery: a sandbox of its own, which no scenario and no reset reaches, and whose sessions no proxy
 * knows. So the frames show what a merchant sees, and nothing that is done there connects the till.
 */
export async function serveGallery() {
  const client = { clientId: 'gallery', clientSecret: 'gallery' };
  const { origin, connectBaseUrl, close } = await serveSandbox({ clients: [client], control: false });
  const api = new RulrrApi({ ...client, apiBaseUrl: origin });
  return {
    origin,
    /** The address of a session that has just begun. */
    async connectUrl(): Promise<string> {
      const { integrationToken } = await api.createIntegration();
      return `${connectBaseUrl}?${new URLSearchParams({ integration_token: integrationToken, client_id: client.clientId })}`;
    },
    close,
  };
}
