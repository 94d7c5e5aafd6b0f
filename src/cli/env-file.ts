import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { TroubleError, UsageError } from './fail.js';

/** Whose file it is: only a file that begins so is written to. */
const mark = "# Written by `rulrr-embed sandbox`: made-up credentials for Rulrr's stand-in.";

function read(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UsageError(`--env ${file}: it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
  try {
    // Takes away the mark that editors on Windows begin a file with; their UTF-16 would read as a file without a single variable.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`--env ${file}: it is not UTF-8. Save it so.`);
  }
}

/** What an earlier sandbox wrote: the same secrets again, so that what a proxy has stored can be read on. @throws UsageError if it is not a sandbox's file */
export function keptEnv(file: string): NodeJS.Dict<string> {
  if (!existsSync(file)) return {};
  const text = read(file);
  if (!text.startsWith(mark))
    throw new UsageError(
      `--env ${file}: it exists and is not of the sandbox. Choose another name; nothing was changed.`,
    );
  return parseEnv(text);
}

/**
 * A line that Node reads back as it was. Plain values stay bare, as every shell and loader takes them.
 * @throws UsageError for a value that no quotes can carry; it is not quoted, since it may be a secret
 */
function lineFor(file: string, name: string, value: string): string {
  const bare = /^[\w./:+=@-]+$/.test(value) ? [''] : [];
  const line = [...bare, "'", '`', '"']
    .map((quote) => `${name}=${quote}${value}${quote}`)
    .find((one) => parseEnv(one)[name] === value);
  if (line === undefined)
    throw new UsageError(`--env ${file}: ${name} has characters that such a file cannot carry. Choose others.`);
  return line;
}

/** The text with this line in it, in the place of the one that it had: what else a developer has written there stays. */
function withLine(text: string, name: string, line: string): string {
  const there = new RegExp(`^[ \\t]*(export[ \\t]+)?${name}[ \\t]*=.*$`, 'gm');
  if (there.test(text)) return text.replace(there, () => line);
  return `${text}${text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

/** For its owner alone, as a file with secrets should be. @throws TroubleError if it cannot be written, UsageError for a value that it cannot carry */
export function writeEnv(file: string, values: Record<string, string>): void {
  let text = existsSync(file) ? read(file) : `${mark}\n`;
  const there = parseEnv(text);
  for (const [name, value] of Object.entries(values))
    if (there[name] !== value) text = withLine(text, name, lineFor(file, name, value));
  try {
    writeFileSync(file, text, { mode: 0o600 });
  } catch (error) {
    throw new TroubleError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
}

/** Variables that are set already stay. @throws UsageError if there is no such file */
export function loadEnvFile(file: string): void {
  for (const [name, value] of Object.entries(parseEnv(read(file)))) process.env[name] ??= value;
}
