/** What to do about a code of PostgreSQL, of SQLite or of the system, for who has not got their tables at hand. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/^42501$/, 'The role lacks rights there: have the table and the sequence made and granted to it, as the guide "Going live" has them.'],
  [/^28P01$/, 'The server wants another password, or one at all.'],
  [/^28000$/, 'The server does not let this user in, or not from here, or only over TLS (pg_hba.conf; sslmode in the URL).'],
  [/^3D000$/, 'There is no database of that name.'],
  [/^3F000$/, "No schema of the role's search_path is there."],
  [/^42P01$/, 'Its table or its sequence is gone. Bring them back; where they shall be made anew, start again.'],
  [/^25006$/, 'It is read only: a standby, or told so (default_transaction_read_only).'],
  [/^(53100|SQLITE_FULL|ENOSPC)$/, 'Its disk is full.'],
  [/^53300$/, 'The server, the database or the role has no connection left.'],
  [/^55P03$/, 'A session of somebody else keeps its table locked (pg_locks).'],
  [/^57P0[123]$/, 'The server is stopping or starting.'],
  [/^08(P01|006|001)$/, 'The pooler in front of it does not reach it, or refuses: see its log.'],
  [/^57014$/, 'The server gave up by its own statement_timeout, or somebody cancelled.'],
  [/^(ERR_INVALID_URL|URIError)$/, 'Characters of a user name or password such as / ? # @ % must be percent-encoded.'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'Its host is not known here. A / ? # @ in a password must be percent-encoded.'],
  [/^ECONNREFUSED$/, 'Nothing listens there.'],
  [/^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/, 'It does not answer: look whether it hangs, and at what is on the way.'],
  [/^EPROTO$/, 'The URL asks for TLS, which the server has not got.'],
  [/^SQLITE_(BUSY|LOCKED)/, 'Another program keeps the file locked.'],
  [/^SQLITE_(CORRUPT|NOTADB)/, 'The file is damaged, or no SQLite database. Stop what uses it before a backup takes its place.'],
]; // prettier-ignore

/** In a container whose file system is read-only, the file alone is often the one thing that was mounted; or somebody else made it, root mostly. */
const unwritable =
  'The user of this process must own the file and be able to write to its folder: SQLite keeps further files beside it.';

/** In words, what to look at where the token store fails with this code; '' where the code is all there is to say. */
export function remedyFor(code: string, isFile: boolean): string {
  if (isFile && /^(EACCES|EPERM|EROFS|ENOENT|SQLITE_(READONLY|CANTOPEN))/.test(code)) return unwritable;
  return remedies.find(([pattern]) => pattern.test(code))?.[1] ?? '';
}
