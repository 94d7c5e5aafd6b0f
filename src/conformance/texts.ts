import type { CheckId, CheckText } from './types.js';

const oneGate =
  'Put one gate before routing, for every route: Rulrr-Embed must be "1", and either Sec-Fetch-Site is "same-origin" or Origin is the ' +
  "proxy's own or one that you allow, compared as a whole. Behind a load balancer compare with your public origin.";
const exact =
  'Compare the path as it came, byte by byte, with the four paths of the contract; decode and normalise nothing before.';

/** Instead of a check's own, which would have something changed that may be in order. */
export const storeHelp =
  "Look at the database or folder behind the proxy first: the proxy's log names the cause, and so does /health of the sidecar. Then check again.";

/** What each check asks for, and what to change where it fails. */
export const texts: Record<CheckId, CheckText> = {
  reachable: {
    title: 'The proxy answers',
    expected: 'GET /connection answers, without a redirect.',
    help: 'Check the URL (it is the proxy-url of the elements, such as https://pos.example/rulrr), that the proxy runs, and the headers that say who is signed in. A certificate of your own is taken with NODE_EXTRA_CA_CERTS=<file>.',
  },
  'connection-shape': {
    title: 'GET /connection tells how the store stands',
    expected:
      '200 {connected, ereceipt, expiration} and no other field, as application/json, for a store that was never connected too.',
    help: 'Answer {"connected": false, "ereceipt": false, "expiration": null} where there are no tokens.',
  },
  unauthorized: {
    title: 'Nobody gets in without a session',
    expected: '401 unauthorized on every route when nobody is signed in, whatever store a query or body names.',
    help: "Ask the vendor's session before each route's own work, ids and bodies included; forget no route. The store comes from the session alone.",
  },
  'csrf-header': {
    title: 'The header Rulrr-Embed is needed',
    expected: '403 forbidden_origin for POST and DELETE without Rulrr-Embed: 1.',
    help: oneGate,
  },
  'csrf-foreign-origin': {
    title: 'Pages of other sites cannot change anything',
    expected:
      '403 forbidden_origin for POST and DELETE with a foreign Origin, with "null", and with one that only looks alike: another scheme or port, too.',
    help: oneGate + ' "Starts with" and "ends with" are not enough.',
  },
  'csrf-fetch-site': {
    title: 'Requests of unknown source cannot change anything',
    expected: '403 forbidden_origin without Origin, unless Sec-Fetch-Site is exactly same-origin.',
    help: oneGate + ' A missing Origin is no permission.',
  },
  'csrf-content-type': {
    title: 'The content type opens no side door',
    expected: '403 forbidden_origin for a foreign Origin, whatever the content type.',
    help: oneGate + ' Judge the origin before you look at the content type or the body.',
  },
  'csrf-let-in': {
    title: "The till's own page is let in",
    expected:
      'POST /ereceipts with {} answers 400 bad_request for the own Origin, and for Sec-Fetch-Site: same-origin; reading needs no Rulrr-Embed. A page of another origin gets CORS headers, preflights included.',
    help: "The gate is too narrow. Where a load balancer or framework changes scheme or host, the proxy has to be told its origin (option origin, RULRR_ORIGIN). If the till's page is on another origin than the proxy, give it to the check as the page's origin and allow it in the proxy.",
  },
  'cors-strangers': {
    title: 'Strangers get no CORS headers',
    expected:
      'No Access-Control-Allow-Origin for origins that are not expressly allowed, "null" among them; never "*".',
    help: 'Do not echo Origin; compare it with your list first. Look for a CORS middleware in front that allows everything.',
  },
  'not-found': {
    title: 'Unknown paths are refused',
    expected: '404 not_found as application/problem+json, whatever the method.',
    help: "Send the contract's own answer for every other path, rather than the page of the framework or web server.",
  },
  'exact-paths': {
    title: 'Other spellings of a path are no way in',
    expected: '404 not_found for //connection, /connection/, /%63onnection, /Connection and the like, at every path.',
    help: exact + ' Rules in front of the proxy may read such paths differently than the proxy does.',
  },
  methods: {
    title: 'Other methods are refused',
    expected: '405 method_not_allowed with the header Allow, which names the methods that the path takes.',
    help: 'Look at the path first, then at the method, before anything else.',
  },
  'unknown-integration': {
    title: 'Made-up ids are unknown',
    expected: '404 unknown_integration.',
    help: 'An id that you did not make yourself must open nothing and cost no call to Rulrr.',
  },
  start: {
    title: 'POST /integrations starts a session',
    expected:
      '201 {id, connectUrl, status: "pending", expiresAt, pollAfterMs}; each call begins a session of its own, and ends no other.',
    help: 'Call POST /v1/auth/integration of Rulrr, seal its token into the id, and build connectUrl from integration_token and client_id. With 500 misconfigured look at the client id and secret.',
  },
  'id-opaque': {
    title: 'The id shows nothing',
    expected: 'The id holds the integration token neither plain nor in base64 or hex.',
    help: 'Encrypt what the id carries (AES-256-GCM), or use a random id and keep the rest on the server.',
  },
  pending: {
    title: 'A session that runs is pending',
    expected:
      '200 {status: "pending", pollAfterMs, expiresAt, connectUrl} with the connectUrl of the start, however often it is asked for.',
    help: 'Send connectUrl with each pending answer, so that a page that was reloaded can go on.',
  },
  'id-tampered': {
    title: 'A changed id is unknown',
    expected:
      '404 unknown_integration for every change of the id, another spelling of the same bytes (%65 for e) included.',
    help: 'Use authenticated encryption and check the tag; decode base64url strictly, or encode again and compare. Take the id from the path as it came: frameworks decode it. Ids that count up can be guessed.',
  },
  'not-yours': {
    title: "Another store's session stays closed",
    expected: '403 not_yours for a till of another store.',
    help: "Bind the id to the store that started, and compare with the session's store at each call.",
  },
  cancelled: {
    title: 'A merchant who gives up is heard',
    expected: '200 {status: "cancelled", pollAfterMs, expiresAt}, without "connectUrl"; never pending again.',
    help: 'Pass on the status "cancelled" of GET /v1/auth/integration each time, and redeem nothing.',
  },
  'ereceipt-bad-request': {
    title: 'Sends that cannot be read are refused',
    expected:
      '400 bad_request for bodies without orderId or phoneNumber as texts, and for an Idempotency-Key that is missing, empty, too long or has spaces; 200 characters are not too long for either.',
    help: 'Check the body and the header before anything is sent: orderId 1 to 200 characters and not blank, key 1 to 200 visible ASCII characters. Judge the form before the number.',
  },
  'ereceipt-too-large': {
    title: 'Large bodies are refused',
    expected: '413 body_too_large above 8192 bytes, and not before.',
    help: 'Count bytes rather than characters, and stop reading at 8192, whatever Content-Length says. Look at the limit of the web server in front, too: its own error page is no problem+json.',
  },
  'ereceipt-content-type': {
    title: 'Only JSON is read',
    expected:
      '415 unsupported_media_type unless the content type is application/json, in any case and with any parameter.',
    help: 'Compare the type before the semicolon, in lower case, with application/json.',
  },
  'ereceipt-phone-number': {
    title: 'Only E.164 numbers are taken',
    expected: '422 invalid_phone_number.',
    help: 'A plus sign, no zero after it, 7 to 15 digits (0-9) and nothing else; trim nothing. In many languages $ lets a line end through: use \\z or compare the whole.',
  },
  'ereceipt-disabled': {
    title: 'No sends for stores without e-receipts',
    expected:
      '403 ereceipt_disabled where the store is not connected, or the merchant chose paper only; GET /connection says so from the first moment.',
    help: 'Read "ereceipt" of the stored answer before each send, and for GET /connection; keep no answer of before.',
  },
  'upstream-trouble': {
    title: 'A failing Rulrr ends no session',
    expected:
      'A start answers 502, 504 or 429; a session the same with Retry-After, or 200 pending, and afterwards it goes on and can finish.',
    help: 'Treat errors of Rulrr as passing ones: answer 502 upstream_error with Retry-After, and keep the session. Look whether an answer to the start has an integrationToken.',
  },
  finished: {
    title: 'A session that the merchant ends is finished',
    expected: '200 {status: "finished", connection: {connected: true, ereceipt, expiration}}, without "connectUrl".',
    help: 'When Rulrr says finished, call GET /v1/auth/integration/token once, keep its raw answer (encrypted) before you parse it, and answer finished only after that is durable.',
  },
  'finished-stays': {
    title: 'Finished stays finished',
    expected: 'The same answer however often it is asked for, after another session of the store was finished too.',
    help: 'Rulrr answers 410 to the second token call. Look into your own store first, and never redeem what is stored. Keep how each session ended.',
  },
  'connection-after': {
    title: 'The store is connected afterwards',
    expected: "GET /connection answers connected: true with the merchant's choice.",
    help: 'Store the tokens under the store that started the session, before you answer finished.',
  },
  'stores-apart': {
    title: 'Stores are kept apart',
    expected:
      'Another store is not connected, cannot forget this one, and cannot ask about its session; nor does a till get at another store by naming it in query or body.',
    help: 'Take the store from the session alone, at every route.',
  },
  'ereceipt-sent': {
    title: 'A receipt is texted',
    expected: '200 {"sent": true}, and one text message.',
    help: 'Answer only after the send was confirmed; 502 send_failed where it surely was not, 504 send_unconfirmed in any doubt.',
  },
  'ereceipt-once': {
    title: 'The same key never sends twice',
    expected: '200 {"sent": true} again, and still one text message; to another store it says nothing.',
    help: 'Keep each Idempotency-Key of a store with its outcome, durably, before you send; look there first.',
  },
  'ereceipt-at-once': {
    title: 'Nor does it when the calls come at once',
    expected: '200, or 409 in_progress for those that came too early; one text message, and no 200 before it.',
    help: 'Take the key with one atomic step (a unique row, an exclusively created file), not by looking and then writing.',
  },
  'ereceipt-key-reuse': {
    title: 'A key belongs to one receipt',
    expected: '400 bad_request for a used key with another order, and with another number.',
    help: 'Keep a digest of order and number with the key, and compare.',
  },
  'ereceipt-refused': {
    title: 'A refused send is told as such',
    expected:
      '502 send_failed while Rulrr\'s orders answer 400, that or 504 send_unconfirmed while they answer {"success": false}, 500 or a redirect, and no text message; never {"sent": true}, to the same key later neither unless it is sent then, which it is no more after 504.',
    help: 'Wait for the answer to the send before you give yours, and look at its status and its body: only 200 to 299 can mean sent. 502 send_failed where it surely was not sent; such a key may try again.',
  },
  'ereceipt-unconfirmed': {
    title: 'A send that nobody confirmed is not sent again',
    expected:
      '504 send_unconfirmed where the answer to the send was lost, and again for the same key; one text message at most.',
    help: 'Keep the outcome with the key, and never repeat a send after a broken connection; some HTTP clients do so by themselves. 200 only if you made sure that it arrived.',
  },
  'tokens-retried': {
    title: 'A failing token call loses nothing',
    expected:
      'While GET /v1/auth/integration/token answers 500, or without an accessToken, never finished; once it answers again after 500, the session still comes to that.',
    help: 'Look for the accessToken in the answer. Only 410 means that the tokens were handed out. After anything else answer 502 or pending, and call again at a later poll.',
  },
  'tokens-at-once': {
    title: 'Tills that ask at once do not spoil it',
    expected: 'Six polls at once at the end of a session: pending or finished for each, tokens_lost for none.',
    help: 'Let one poll redeem and the others wait for it (a lock, a unique row): Rulrr hands the tokens out once, the second call hears 410.',
  },
  'tokens-gone': {
    title: 'Tokens that are gone are not told as stored',
    expected:
      '409 tokens_lost where Rulrr answers 410 and nobody has the tokens, at once or after a while of pending; never finished.',
    help: 'Answer finished only from tokens that you stored. After 410 look whether another process stored them; if not, say tokens_lost.',
  },
  'refused-not-done': {
    title: 'What is refused is not done',
    expected:
      'After 403 to a page of another site, and 401 without a session, the tokens are there and nothing was sent; nor is it later what was told as failed or in doubt.',
    help: 'Let no queue repeat a send by itself: the till has printed, or sends again. Refuse before the work begins, and end the request there: in many frameworks an answer that is written stops nothing.',
  },
  forgotten: {
    title: 'DELETE /connection forgets the store',
    expected:
      '204 without a body; then connected: false, 403 ereceipt_disabled for sends, and 410 expired for every session from before, in the end also for one that the merchant ends afterwards. Again 204 where nothing is left.',
    help: 'Delete the tokens of the store that the session names, in the memory of every process too, and end its sessions: keep when that was, and store no tokens of a session that was begun before.',
  },
  'no-store': {
    title: 'Nothing is kept by caches',
    expected: 'Cache-Control: no-store on every answer, refusals and preflights included.',
    help: 'Set the header in the one place that every answer passes, error pages of the framework and web server included.',
  },
  'problem-json': {
    title: 'Every refusal can be read by a program',
    expected:
      'application/problem+json with type, title, status and a code of the closed list; title and detail quote nothing of the request; Retry-After in whole seconds.',
    help: 'Send every refusal through one function, in words of your own. The codes stand in openapi.yaml.',
  },
  'no-secrets': {
    title: 'No secret leaves the proxy',
    expected: 'No token and no client secret in any answer, and no phone number in a refusal.',
    help: "Write every answer's fields by name; never pass Rulrr's answers or caught errors on.",
  },
};
