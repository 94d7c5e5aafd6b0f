<?php
// Rulrr's proxy for a PHP server, in one file: the contract of openapi.yaml, nothing but PHP 8.1 with OpenSSL.
//
//   RULRR_CLIENT_ID=… RULRR_CLIENT_SECRET=… RULRR_API_BASE_URL=… RULRR_SEALING_KEY=… php -S 127.0.0.1:8080 proxy.php
//
// To make it yours, change authorize() and send_ereceipt(). Its limits are in README.md beside it.
declare(strict_types=1);
ignore_user_abort(true); // A till that goes away must not cut off a redemption.
set_time_limit(0); // Nor may PHP's own limit, which counts waiting as well on Windows and in threads.
ini_set('display_errors', '0');

const TTL = 1800;
const TILL_WAITS = 8;

final class Refusal extends Exception
{
    public function __construct(public int $status, public string $problem, string $detail, public ?int $retryAfter = null)
    {
        parent::__construct($detail);
    }
}

function setting(string $name, ?string $default = null): string
{
    $value = getenv($name);
    if ($value !== false && trim($value) !== '') return trim($value);
    return $default ?? throw new Refusal(500, 'misconfigured', "$name is not set.");
}

// ── yours ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Whose store asks: from your own session, and from nothing else in the request. Here the demo's cookie stands for one. Open PHP's own
 * with session_start(['read_and_close' => true]), or its lock keeps the till's other requests waiting while Rulrr is asked.
 */
function authorize(): string|int|null
{
    $session = $_COOKIE['session'] ?? '';
    return is_string($session) && preg_match('/^till-\d{1,6}$/D', $session) ? $session : null;
}

/** Sends the receipt, in the seconds that are left until the till prints. Rulrr does not publish how the number reaches it; here the order carries it, as the sandbox takes it. */
function send_ereceipt(string $accessToken, string $orderId, string $phoneNumber, float $seconds): void
{
    $body = json_encode(['orderId' => $orderId, 'ereceipt' => ['phoneNumber' => $phoneNumber]], JSON_THROW_ON_ERROR);
    [$status, $text] = upstream('POST', '/v1/orders', ['access_token' => $accessToken], $body, $seconds);
    // Rulrr says in the body how it went. One that was cut, or is a gateway's page, says nothing.
    $answer = is_good($status) ? read_json($text) : null;
    // What is left of an error that was written as JSON may be {}, which PHP reads as [].
    if ($answer && !array_is_list($answer) && !says_no($answer) && !preg_match('/"error"\s*:\s*\{\s*\}/', $text)) return;
    // A refusal is a refusal; an error of the server, or a time that ran out, may stand for a message that went out.
    if (($answer['success'] ?? null) === false || $status === 0 || ($status >= 400 && $status < 500 && !in_array($status, [408, 499], true))) throw new Refusal(502, 'send_failed', 'The receipt was not sent.');
    throw new Refusal(504, 'send_unconfirmed', 'It is not known whether the receipt was sent. Print it.');
}

/** How a text begins, or a status of HTTP, that says no. */
const SAYS_NO = '/^[\W_]*(?!none\b|no[\W_]*(err|fail))(err|fail|rej|canc|expir|inval|insuf|den(y|ied)|declin|refus|forbid|block|drop|tim(ed?|ing)[\W_]*out|'
    . 'throttl|opt(ed)?[\W_]*out|abort|bounc|skip|suppress|un(del|kno|s[eu]|auth|reach)|(no|not|nok|ko|false|[345]\d\d)(?![a-z\d]))/i';

/** Whether an answer of 200 says in one of the usual ways that it did not come off, or that one of a list did not. */
function says_no(mixed $answer): bool
{
    if (!is_array($answer)) return $answer === false || (is_string($answer) && preg_match(SAYS_NO, $answer));
    $text = fn (mixed $value): string => is_string($value) ? $value : json_encode($value);
    if (array_is_list($answer)) return (bool) array_filter($answer, says_no(...));
    foreach (['success', 'ok', 'sent'] as $name) {
        $said = array_key_exists($name, $answer) ? $text($answer[$name]) : 'true';
        if (preg_match('/^(0|null|none)?$/iD', trim($said)) || preg_match(SAYS_NO, $said)) return true;
    }
    foreach (['status', 'statusCode'] as $name) if (preg_match(SAYS_NO, $text($answer[$name] ?? ''))) return true;
    return !empty($answer['error']) || !empty($answer['errors']) || says_no($answer['data'] ?? null);
}

// ── Rulrr ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * One call: status and body; 0 if it surely never left, -1 if that is unclear. The URL holds the client secret, so nothing of it may reach
 * a message. Never retried, never redirected.
 */
function upstream(string $method, string $path, array $query, ?string $body = null, float $seconds = 10): array
{
    $base = rtrim(setting('RULRR_API_BASE_URL'), '/');
    if (!preg_match('#^(https://|http://(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(/|$))#iD', $base)) throw new Refusal(500, 'misconfigured', 'RULRR_API_BASE_URL must be https (http is for loopback addresses).');
    ['scheme' => $scheme, 'host' => $host, 'port' => $port, 'path' => $below] = (parse_url($base) ?: []) + ['scheme' => '', 'host' => '', 'port' => 0, 'path' => ''];
    [$transport, $usual] = strtolower($scheme) === 'https' ? ['tls', 443] : ['tcp', 80];
    $until = clock() + $seconds;
    $stream = @stream_socket_client("$transport://$host:" . ($port ?: $usual), $code, $said, $seconds);
    // Names are looked up, and TLS is agreed on, without regard to the time: nothing goes out that nobody waits for.
    if ($stream === false || clock() > $until) return [0, ''];
    $target = "$below$path?" . http_build_query($query, '', '&', PHP_QUERY_RFC3986);
    $lines = ["$method $target HTTP/1.1", 'Host: ' . $host . ($port ? ":$port" : ''), 'Accept: application/json', 'Accept-Encoding: identity', 'Connection: close'];
    if ($method !== 'GET') array_push($lines, 'Content-Type: application/json', 'Content-Length: ' . strlen($body ?? ''));
    @fwrite($stream, implode("\r\n", $lines) . "\r\n\r\n$body");
    // Looked at while it comes, which PHP allows only so: a read that waits gives nothing back until its time is up.
    stream_set_blocking($stream, false);
    for ($text = ''; ; usleep(10_000)) {
        while (strlen($text) < 65_536 && ($piece = (string) @fread($stream, 8192)) !== '') $text .= $piece;
        [$status, $answer] = read_http($text);
        // An object says itself where it ends: one that came whole counts, however its connection ends, or does not.
        if (feof($stream) || strlen($text) >= 65_536 || ($status !== -1 && !is_good($status)) || read_json($answer) !== null) break;
        if (clock() > $until) {
            $status = -1;
            break;
        }
    }
    fclose($stream);
    return [$status, $answer];
}

/** Seconds, by a clock that nobody sets. */
function clock(): float
{
    return hrtime(true) / 1e9;
}

/** The status, -1 as long as there is none, and what there is of the body. */
function read_http(string $text): array
{
    // Statuses of 100 to 199 come ahead of the answer.
    do [$head, $text] = preg_split('/\r?\n\r?\n/', $text, 2) + [1 => null];
    while ($text !== null && preg_match('#^HTTP/\S+ 1\d\d#', $head));
    if ($text === null || !preg_match('#^HTTP/\S+ (\d{3})#', $head, $found)) return [-1, ''];
    if (!preg_match('/^Transfer-Encoding:\s*chunked\s*$/mi', $head)) return [(int) $found[1], $text];
    for ($body = ''; preg_match('/^0*([0-9a-f]{1,7})[^\r\n]*\r?\n/i', $text, $size); $text = substr($text, strlen($size[0]) + hexdec($size[1]) + 2)) $body .= substr($text, strlen($size[0]), hexdec($size[1]));
    return [(int) $found[1], $body];
}

/** Nothing says which of them Rulrr answers with. */
function is_good(int $status): bool
{
    return $status >= 200 && $status < 300;
}

/** An object or a list, or null. A byte order mark, or a byte that is no UTF-8, must not cost an answer that comes once. */
function read_json(string $text): ?array
{
    $value = json_decode(preg_replace('/^\xEF\xBB\xBF/', '', $text), true, 512, JSON_INVALID_UTF8_SUBSTITUTE);
    return is_array($value) ? $value : null;
}

function credentials(array $more = []): array
{
    return ['client_id' => setting('RULRR_CLIENT_ID'), 'client_secret' => setting('RULRR_CLIENT_SECRET')] + $more;
}

function upstream_refusal(int $status): Refusal
{
    if ($status === 429) return new Refusal(429, 'rate_limited', 'Rulrr asks for fewer calls.', 5);
    if ($status === -1) return new Refusal(504, 'upstream_timeout', 'Rulrr did not answer in time.', 3);
    return new Refusal(502, 'upstream_error', 'Rulrr cannot be reached or answered with an error.', 3);
}

// ── sealing ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function key_for(string $purpose): string
{
    $secret = setting('RULRR_SEALING_KEY');
    if (strlen($secret) < 32) throw new Refusal(500, 'misconfigured', 'RULRR_SEALING_KEY must have 32 characters or more.');
    return hash_hkdf('sha256', $secret, 32, "rulrr-embed/$purpose");
}

/** AES-256-GCM; `$bound` is what the text belongs to, so that one row cannot stand in for another. */
function seal(array $value, string $purpose, string $bound): string
{
    $iv = random_bytes(12);
    $text = openssl_encrypt(json_encode($value, JSON_THROW_ON_ERROR), 'aes-256-gcm', key_for($purpose), OPENSSL_RAW_DATA, $iv, $tag, $bound);
    return rtrim(strtr(base64_encode($iv . $tag . $text), '+/', '-_'), '=');
}

function unseal(string $sealed, string $purpose, string $bound): ?array
{
    $bytes = base64_decode(strtr($sealed, '-_', '+/'), true);
    // The one spelling that seal() writes, or it is none of ours.
    if ($bytes === false || strlen($bytes) < 29 || rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=') !== $sealed) return null;
    [$iv, $tag, $text] = [substr($bytes, 0, 12), substr($bytes, 12, 16), substr($bytes, 28)];
    $plain = openssl_decrypt($text, 'aes-256-gcm', key_for($purpose), OPENSSL_RAW_DATA, $iv, $tag, $bound);
    return $plain === false ? null : json_decode($plain, true);
}

// ── rows: one encrypted file each ──────────────────────────────────────────────────────────────────────────────────────

function row_path(string $kind, string $id): string
{
    $folder = setting('RULRR_DATA', __DIR__ . '/.data') . "/$kind";
    if (!is_dir($folder) && !@mkdir($folder, 0700, true) && !is_dir($folder)) throw new Refusal(503, 'store_unavailable', 'The store cannot be written.', 5);
    return "$folder/" . hash('sha256', $id);
}

/** Null only where there is none: what cannot be read, such as after a change of the key, is there all the same. */
function read_row(string $kind, string $id): ?array
{
    $path = row_path($kind, $id);
    if (!is_file($path)) return null;
    return unseal((string) @file_get_contents($path), 'row', "$kind/$id") ?? throw new Refusal(503, 'store_unavailable', 'The store cannot be read.', 5);
}

/** Beside, onto the disk, then renamed: a crash leaves the old row or the new one. */
function write_row(string $kind, string $id, array $row): void
{
    $path = row_path($kind, $id);
    $file = @fopen("$path.new", 'w');
    $text = seal($row, 'row', "$kind/$id");
    $done = $file && fwrite($file, $text) === strlen($text) && fflush($file) && fsync($file) && fclose($file);
    if (!$done || !chmod("$path.new", 0600) || !rename("$path.new", $path)) throw new Refusal(503, 'store_unavailable', 'The store cannot be written.', 5);
    // The folder too, where the system lets a folder be opened: a power cut could take the renaming back.
    if ($folder = @fopen(dirname($path), 'r')) @fsync($folder);
}

/** Runs alone among all processes; null if somebody else is still at it after `$seconds`. */
function alone(string $kind, string $id, callable $work, float $seconds = INF): mixed
{
    $lock = @fopen(row_path($kind, $id) . '.lock', 'c') ?: throw new Refusal(503, 'store_unavailable', 'The store cannot be written.', 5);
    for ($until = clock() + $seconds; !flock($lock, LOCK_EX | LOCK_NB); usleep(50_000)) if (clock() >= $until) return null;
    try {
        return $work();
    } finally {
        flock($lock, LOCK_UN);
    }
}

function connection(string $storeId): array
{
    $row = read_row('store', $storeId);
    return ['connected' => isset($row['accessToken']), 'ereceipt' => $row['ereceipt'] ?? false, 'expiration' => $row['expiration'] ?? null];
}

// ── routes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function start(string $storeId): array
{
    $started = begin($storeId);
    [$status, $body] = upstream('POST', '/v1/auth/integration', credentials());
    $token = read_json($body)['integrationToken'] ?? null;
    if ($status === 400 || $status === 403) throw new Refusal(500, 'misconfigured', 'Rulrr refused the client id or secret.');
    if (!is_good($status) || !is_string($token)) throw upstream_refusal($status);
    $flow = ['flow' => bin2hex(random_bytes(16)), 'store' => $storeId, 'token' => $token, 'started' => $started, 'expires' => time() + TTL];
    return [201, ['id' => seal($flow, 'id', 'integration'), 'status' => 'pending'] + pending($flow)];
}

function pending(array $flow): array
{
    $query = http_build_query(['integration_token' => $flow['token'], 'client_id' => setting('RULRR_CLIENT_ID')]);
    $page = setting('RULRR_CONNECT_BASE_URL', 'https://connect.rulrr.com/');
    return ['connectUrl' => $page . (str_contains($page, '?') ? '&' : '?') . $query, 'expiresAt' => gmdate('Y-m-d\TH:i:s\Z', $flow['expires']), 'pollAfterMs' => 3000];
}

function status(string $storeId, string $id): array
{
    $flow = unseal($id, 'id', 'integration');
    if ($flow === null) throw new Refusal(404, 'unknown_integration', 'There is no such integration.');
    if ($flow['store'] !== $storeId) throw new Refusal(403, 'not_yours', 'The integration belongs to another store.');
    // One process at a time for one session: redeemed once, and saved before anybody hears of it. The others are not kept by that for long.
    $answer = alone('flow', $flow['flow'], fn () => ask($flow), 4) ?? 'pending';
    // Begun before the store was disconnected.
    if ($answer !== 'cancelled' && $flow['started'] <= (read_row('store', $storeId)['forgotten'] ?? 0)) throw new Refusal(410, 'expired', 'The session is over. Connect again.');
    $times = ['expiresAt' => gmdate('Y-m-d\TH:i:s\Z', $flow['expires']), 'pollAfterMs' => 3000];
    if ($answer === 'pending') return [200, ['status' => 'pending'] + pending($flow)];
    if ($answer === 'cancelled') return [200, ['status' => 'cancelled'] + $times];
    $connection = connection($storeId);
    // Its row may be of a release that did not write down when.
    if (!$connection['connected']) throw new Refusal(410, 'expired', 'The session is over. Connect again.');
    return [200, ['status' => 'finished', 'connection' => $connection] + $times];
}

function ask(array $flow): string
{
    $row = read_row('flow', $flow['flow']) ?? [];
    if (isset($row['end'])) return $row['end'];
    // Saved by an attempt that ended before it was read.
    if (isset($row['raw']) && tokens($row['raw'])) return keep($flow, $row['raw']);
    if (time() > $flow['expires']) throw new Refusal(410, 'expired', 'The session is over. Connect again.');
    // However many tabs and tills ask, Rulrr is asked once a second.
    if (abs(microtime(true) - ($row['askedAt'] ?? 0)) < 1) return 'pending';
    [$code, $body] = upstream('GET', '/v1/auth/integration', credentials(['integration_token' => $flow['token']]));
    if (!is_good($code)) throw upstream_refusal($code);
    $status = read_json($body)['status'] ?? null;
    if ($status === 'cancelled') write_row('flow', $flow['flow'], ['end' => 'cancelled']);
    if ($status !== 'finished') {
        if ($status === 'pending') write_row('flow', $flow['flow'], ['askedAt' => microtime(true)]);
        return $status === 'cancelled' ? 'cancelled' : 'pending';
    }
    write_row('flow', $flow['flow'], ['askedAt' => 0] + $row); // A full disk shows now, not when the tokens are here.
    [$code, $raw] = upstream('GET', '/v1/auth/integration/token', credentials(['integration_token' => $flow['token']]), null, 60);
    if ($code === 410) throw new Refusal(409, 'tokens_lost', 'Rulrr gave the tokens out already, and they are not here. Connect again.');
    if (!is_good($code)) throw upstream_refusal($code);
    // Before it is read, and for as long as it takes: it comes once.
    for ($saved = false, $tries = 1; !$saved; $tries++) {
        try {
            write_row('flow', $flow['flow'], ['raw' => base64_encode($raw)]);
            $saved = true;
        } catch (Refusal $refusal) {
            if ($tries === 2400) throw $refusal;
            usleep(250_000);
        }
    }
    return keep($flow, base64_encode($raw));
}

/** The answer with the tokens as it was saved; null where it was cut or is something else: then Rulrr is asked again. */
function tokens(string $raw): ?array
{
    $answer = read_json((string) base64_decode($raw));
    return is_string($answer['accessToken'] ?? null) ? $answer : null;
}

/** Stores the tokens; an older session never replaces those of a newer one. */
function keep(array $flow, string $raw): string
{
    $answer = tokens($raw) ?? throw new Refusal(502, 'upstream_error', 'Rulrr answered in a way that is not understood. It is kept.', 3);
    alone('store', $flow['store'], function () use ($flow, $answer) {
        $row = read_row('store', $flow['store']) ?? [];
        if (($row['started'] ?? 0) > $flow['started']) return;
        write_row('store', $flow['store'], ['begun' => $row['begun'] ?? 0, 'started' => $flow['started'], 'accessToken' => $answer['accessToken'], 'refreshToken' => $answer['refreshToken'] ?? null,
            'expiration' => expiration($answer['expiration'] ?? null), 'ereceipt' => ($answer['ereceipt'] ?? false) === true, 'forgotten' => $row['forgotten'] ?? 0]);
    });
    write_row('flow', $flow['flow'], ['end' => 'finished']);
    return 'finished';
}

/** A text as Rulrr gave it; a number of seconds or milliseconds as ISO 8601. */
function expiration(mixed $given): ?string
{
    if (is_string($given) && !preg_match('/^\d{10,13}(\.\d+)?$/D', $given)) return $given === '' ? null : $given;
    if (!is_numeric($given)) return null;
    $seconds = $given < 1e11 ? $given : $given / 1000;
    return $seconds > 0 && $seconds < 1e11 ? gmdate('Y-m-d\TH:i:s\Z', (int) $seconds) : null;
}

/** Now, and after what the store's row has: where the clock was set back, a session must not count as older than those before it. */
function later(array $row): float
{
    return max(microtime(true), max($row['started'] ?? 0, $row['begun'] ?? 0) + 0.001);
}

/** When a session begins, which is written down for the next. A store that cannot be written shows now, not when the merchant is done. */
function begin(string $storeId): float
{
    return alone('store', $storeId, function () use ($storeId) {
        $row = read_row('store', $storeId) ?? [];
        $begun = later($row);
        write_row('store', $storeId, ['begun' => $begun] + $row);
        return $begun;
    });
}

/** The time stays, so that no session begun before it brings tokens back. A row that cannot be read goes, too. */
function forget(string $storeId): array
{
    alone('store', $storeId, function () use ($storeId) {
        try {
            $started = later(read_row('store', $storeId) ?? []);
        } catch (Refusal) {
            $started = microtime(true);
        }
        write_row('store', $storeId, ['started' => $started, 'forgotten' => $started]);
    });
    return [204, null];
}

/** For how long the till has waited. PHP itself counts from when a process was free for the call; where the server in front tells when it came, from then. */
function waited(): float
{
    return max(0.0, microtime(true) - min($_SERVER['REQUEST_TIME_FLOAT'], (float) ($_SERVER['RULRR_ARRIVED'] ?? '') ?: INF));
}

function ereceipt(string $storeId): array
{
    if (!preg_match('#^application/json\s*(;|$)#i', $_SERVER['CONTENT_TYPE'] ?? '')) throw new Refusal(415, 'unsupported_media_type', 'Send application/json.');
    $text = (string) file_get_contents('php://input', false, null, 0, 8193);
    if (strlen($text) > 8192) throw new Refusal(413, 'body_too_large', 'The body is larger than 8 KiB.');
    $body = json_decode($text, true, 8);
    $orderId = $body['orderId'] ?? null;
    $number = $body['phoneNumber'] ?? null;
    if (!is_string($orderId) || trim($orderId) === '' || !preg_match('/^.{1,200}\z/su', $orderId) || !is_string($number)) throw new Refusal(400, 'bad_request', 'The body must be {"orderId", "phoneNumber"}.');
    $key = $_SERVER['HTTP_IDEMPOTENCY_KEY'] ?? '';
    if (!preg_match('/^[\x21-\x7e]{1,200}$/D', $key)) throw new Refusal(400, 'bad_request', 'The header Idempotency-Key must have 1 to 200 visible characters.');
    if (!preg_match('/^\+[1-9]\d{6,14}$/D', $number)) throw new Refusal(422, 'invalid_phone_number', 'The phone number must be E.164.');
    $row = "$storeId\n$key";
    $about = hash('sha256', "$orderId\n$number");
    $answer = alone('key', $row, function () use ($row, $about, $storeId, $orderId, $number) {
        $known = read_row('key', $row);
        if ($known && $known['about'] !== $about) throw new Refusal(400, 'bad_request', 'The Idempotency-Key was used for another receipt.');
        if (($known['state'] ?? '') === 'sent') return [200, ['sent' => true]];
        if ($known) throw new Refusal(504, 'send_unconfirmed', 'It is not known whether the receipt was sent. Print it.');
        $store = read_row('store', $storeId);
        if (!($store['ereceipt'] ?? false)) throw new Refusal(403, 'ereceipt_disabled', 'The store does not text receipts.');
        // Written first: a process that dies while sending leaves a doubt, never a second message.
        write_row('key', $row, ['state' => 'sending', 'about' => $about]);
        try {
            $left = TILL_WAITS - waited();
            if ($left <= 0) throw new Refusal(502, 'send_failed', 'The receipt was not sent: the store was slow, and the till has printed.');
            send_ereceipt($store['accessToken'], $orderId, $number, $left);
        } catch (Refusal $refusal) {
            if ($refusal->problem === 'send_failed') unlink(row_path('key', $row));
            throw $refusal;
        }
        try {
            write_row('key', $row, ['state' => 'sent', 'about' => $about]);
        } catch (Refusal) {
            // It was sent all the same. Whoever asks again hears of a doubt.
        }
        return [200, ['sent' => true]];
    }, 0);
    return $answer ?? throw new Refusal(409, 'in_progress', 'This receipt is being sent.', 2);
}

// ── the gate, before every route ───────────────────────────────────────────────────────────────────────────────────────

function respond(): array
{
    $path = explode('?', $_SERVER['REQUEST_URI'], 2)[0];
    $base = rtrim(setting('RULRR_BASE_PATH', '/rulrr'), '/');
    $routes = ['/integrations' => ['POST'], '/connection' => ['GET', 'DELETE'], '/ereceipts' => ['POST']];
    $below = str_starts_with($path, "$base/") ? substr($path, strlen($base)) : '';
    $id = preg_match('#^/integrations/((?:[^/?%]|%(?!2f|5c))+)$#Di', $below, $found) ? $found[1] : null;
    $methods = $id !== null ? ['GET'] : ($routes[$below] ?? null);
    if ($methods === null) throw new Refusal(404, 'not_found', 'The proxy has no such path.');

    $method = $_SERVER['REQUEST_METHOD'];
    $origin = $_SERVER['HTTP_ORIGIN'] ?? null;
    // As browsers see it; behind a server that ends https for this one it cannot be told from the request. They write an origin in lower
    // case, without a slash at its end.
    $origins = fn (string $text): array => preg_split('#/*([\s,]+|$)#', strtolower($text), -1, PREG_SPLIT_NO_EMPTY);
    $own = $origins(setting('RULRR_ORIGIN', (empty($_SERVER['HTTPS']) ? 'http' : 'https') . '://' . ($_SERVER['HTTP_HOST'] ?? '')))[0] ?? '';
    $allowed = $origin !== null && in_array($origin, $origins(setting('RULRR_ALLOWED_ORIGINS', 'none')), true);
    if ($allowed) {
        header("Access-Control-Allow-Origin: $origin");
        header('Access-Control-Allow-Credentials: true');
        header('Access-Control-Expose-Headers: Retry-After');
    }
    if ($method === 'OPTIONS') {
        if ($origin !== null && !$allowed && $origin !== $own) throw new Refusal(403, 'forbidden_origin', 'The page is not one of those that may ask.');
        header('Allow: ' . implode(', ', [...$methods, 'OPTIONS']));
        if ($allowed) {
            header('Access-Control-Allow-Methods: ' . implode(', ', $methods));
            header('Access-Control-Allow-Headers: Rulrr-Embed, Idempotency-Key, Content-Type, Authorization');
            header('Access-Control-Max-Age: 600');
        }
        return [204, null];
    }
    if (!in_array($method, $methods, true)) {
        header('Allow: ' . implode(', ', [...$methods, 'OPTIONS']));
        throw new Refusal(405, 'method_not_allowed', 'The path does not take this method.');
    }
    // Whatever the content type: the header that a form cannot send, from a page that is known.
    $known = ($_SERVER['HTTP_SEC_FETCH_SITE'] ?? '') === 'same-origin' || $allowed || $origin === $own;
    if ($method !== 'GET' && (($_SERVER['HTTP_RULRR_EMBED'] ?? '') !== '1' || !$known)) {
        throw new Refusal(403, 'forbidden_origin', 'Unsafe calls need the header Rulrr-Embed: 1, from the till\'s own page. Behind https that ends elsewhere, set RULRR_ORIGIN.');
    }
    $storeId = authorize();
    // What sessions have in the place of a store where nobody is signed in: all of those would share one.
    if (in_array($storeId, [null, '', 0], true)) throw new Refusal(401, 'unauthorized', 'Nobody is signed in.');
    $storeId = (string) $storeId;
    return match (true) {
        $id !== null => status($storeId, $id),
        $below === '/integrations' => start($storeId),
        $below === '/ereceipts' => ereceipt($storeId),
        $method === 'DELETE' => forget($storeId),
        default => [200, connection($storeId)],
    };
}

$headers = ['Cache-Control: no-store', 'Vary: Origin, Cookie, Sec-Fetch-Site', 'X-Content-Type-Options: nosniff', 'Referrer-Policy: no-referrer',
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"];
array_map('header', $headers);
header_remove('X-Powered-By');
$type = 'application/json';
try {
    [$status, $body] = respond();
} catch (Throwable $error) {
    // What is not a refusal of ours is not shown: its message may quote a URL, and every URL of Rulrr's API is a secret. Where it was thrown is none.
    $refusal = $error instanceof Refusal ? $error : new Refusal(500, 'internal', 'The proxy failed.');
    if ($refusal !== $error) error_log('Rulrr\'s proxy: ' . get_class($error) . ' in ' . basename($error->getFile()) . ', line ' . $error->getLine());
    if ($refusal->retryAfter !== null) header("Retry-After: $refusal->retryAfter");
    $type = 'application/problem+json';
    $status = $refusal->status;
    $body = ['type' => 'about:blank', 'title' => str_replace('_', ' ', $refusal->problem), 'status' => $status, 'code' => $refusal->problem, 'detail' => $refusal->getMessage()];
}
http_response_code($status);
if ($body !== null) {
    header("Content-Type: $type");
    echo json_encode($body, JSON_UNESCAPED_SLASHES);
}
