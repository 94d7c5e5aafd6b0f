import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import type { CheckFlags } from './check.js';
import type { DemoFlags } from './demo.js';
import type { DoctorFlags } from './doctor.js';
import { TroubleError, UsageError } from './fail.js';
import { variables } from './proxy-config.js';
import type { SandboxFlags } from './sandbox.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
/** @param none what its help says of the default */
const repeatable = (flags: string, text: string, none = 'none') =>
  new Option(flags, text).argParser((value: string, before: string[]) => [...before, value]).default([], none);

// Whoever reads the output may end first, as `head` and log collectors do, and a disk may be full. That is no reason to crash: a
// sidecar has tokens to keep.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const program = new Command('rulrr-embed')
  .description("Bring Rulrr's e-receipts to a till: try it, develop against it, run its proxy, check your own proxy.")
  .version(version)
  .showHelpAfterError('(rulrr-embed --help shows how)')
  .configureHelp({ showGlobalOptions: false })
  .addHelpText(
    'after',
    `
Examples:
  $ npx rulrr-embed demo                                    a till on this machine, no account needed
  $ npx rulrr-embed sandbox                                 Rulrr's stand-in, for development and CI
  $ npx rulrr-embed check http://localhost:8080/rulrr       does my PHP, .NET or Java proxy keep the contract?
  $ npx rulrr-embed doctor --page https://pos.example/      does my page let the connect page in?

Exit codes: 0 all is well, 1 something failed, 2 wrong use. With DEBUG=1 unexpected errors come with their stack.`,
  );

program
  .command('demo')
  .summary('a small till with proxy and sandbox behind it; nothing else is needed')
  .description(
    'Starts a small till, the proxy and the sandbox on this machine. Nothing is kept, nothing leaves the machine.',
  )
  .option('-p, --port <port>', 'port of the till; 0 is any that is free; or PORT', process.env['PORT'] || '5173')
  .addHelpText(
    'after',
    `
Examples:
  $ npx rulrr-embed demo
  $ npx rulrr-embed demo --port 8080`,
  )
  .action(async (flags: DemoFlags) => (await import('./demo.js')).runDemo(flags));

program
  .command('sandbox')
  .summary("Rulrr's stand-in: API, connect page, faults on demand")
  .description(
    "Starts Rulrr's stand-in and prints what a proxy needs to use it. Scenarios and faults can be set by flag, and on its page.",
  )
  .option('-p, --port <port>', 'port; 0 is any that is free', '4444')
  .option('--host <address>', 'address to listen at', '127.0.0.1')
  .addOption(
    repeatable('-c, --client <id:secret>', 'a client that may call; may be repeated', 'sandbox, and a made-up secret'),
  )
  .option('-s, --scenario <name>', 'how linking and sending go; see --list')
  .addOption(repeatable('-f, --fault <route:kind[:name=value]>', 'one fault; may be repeated'))
  .option('--state <file>', 'keep the state in a file')
  .option(
    '-e, --env <file>',
    'write what a proxy needs into a file; the same secrets each time, and lines of your own stay',
  )
  .option('--list', 'list the scenarios, and end')
  .addHelpText(
    'after',
    `
Examples:
  $ rulrr-embed sandbox --env .env          then: node --env-file=.env server.mjs
  $ rulrr-embed sandbox --client pos:secret --port 4444
  $ rulrr-embed sandbox --scenario rate-limited
  $ rulrr-embed sandbox --fault token:status:status=500:times=2 --fault post-order:hang
  $ rulrr-embed sandbox --list                   all scenarios
  $ rulrr-embed sandbox --fault help             all routes, kinds and fields of faults`,
  )
  .action(async (flags: SandboxFlags) => (await import('./sandbox.js')).runSandbox(flags));

program
  .command('proxy')
  .summary('the proxy as a sidecar, for servers in any language')
  .description(
    'Runs the proxy as a process of its own, configured by environment variables. Logs one JSON object a line; ends cleanly on SIGTERM.',
  )
  .option('-e, --env <file>', 'read variables from a file; those of the environment go before')
  .addHelpText(
    'after',
    `
Variables:
${variables.map(([name, need, text]) => `  ${name}${need === 'needed' ? ' (needed)' : ''}\n      ${text}`).join('\n')}

GET /health answers 200 while the token store takes rows: for alarms and readiness, and not for
what restarts the process, since tokens that the store has not taken are in its memory. Route /rulrr/ of the till's own origin to the sidecar.

Example, against the sandbox:
  $ npm install @libsql/client
  $ rulrr-embed sandbox --env .env &
  $ RULRR_AUTHORIZE_URL=http://127.0.0.1:8000/whoami rulrr-embed proxy --env .env

Exit codes: 0 stopped by a signal, 1 something failed, 2 wrong settings.`,
  )
  .action(async ({ env }: { env?: string }) => {
    if (env !== undefined) (await import('./env-file.js')).loadEnvFile(env);
    await (await import('./proxy.js')).runProxy(process.env);
  });

program
  .command('check')
  .argument('<proxy-url>', 'the proxy-url of the elements, such as http://localhost:8080/rulrr')
  .summary('check a proxy, in any language, against the contract')
  .description(
    'Calls a proxy as a till would, as a stranger would, and with requests that nobody should send. Says what each failure means and what to change.',
  )
  .addOption(repeatable('-H, --header <line>', 'sent as a signed-in till sends it; may be repeated'))
  .addOption(repeatable('-O, --other-header <line>', 'the same for a till of another store'))
  .option('-s, --sandbox <url>', 'the sandbox that the proxy uses: checks the whole story, and forgets the store')
  .option('--origin <origin>', "origin of the till's page, if it is not the proxy's")
  .option('--phone <number>', "E.164; gets the sandbox's messages")
  .addOption(repeatable('--secret-env <name>', 'a variable whose value must appear in no answer; may be repeated'))
  .option('--timeout <seconds>', 'for one answer, and for a session to end', '20')
  .option('--json', 'the report as JSON')
  .option('--verbose', 'what each check asks for')
  .addHelpText(
    'after',
    `
Examples:
  $ rulrr-embed check http://localhost:8080/rulrr
  $ rulrr-embed check http://localhost:8080/rulrr -H "Cookie: session=till-1" -O "Cookie: session=till-2" \\
      --sandbox http://127.0.0.1:4444 --secret-env RULRR_CLIENT_SECRET

Exit codes: 0 nothing failed, 1 something failed, 2 no answer or wrong use.`,
  )
  .action(async (url: string, flags: CheckFlags) => {
    process.exitCode = await (await import('./check.js')).runCheck(url, flags, process.env);
  });

program
  .command('doctor')
  .summary('look at connect page, page and proxy from outside')
  .description(
    'Does the connect page allow framing? What Content-Security-Policy does my page need? Does my proxy answer with no-store?',
  )
  .option(
    '--connect-base-url <url>',
    'the connect page; or RULRR_CONNECT_BASE_URL',
    process.env['RULRR_CONNECT_BASE_URL'] || 'https://connect.rulrr.com/',
  )
  .option('--page <url>', "the till's page")
  .option('--proxy <url>', 'the proxy')
  .option('--json', 'the findings as JSON')
  .addHelpText(
    'after',
    `
Examples:
  $ rulrr-embed doctor                                    which policy do I need; does Rulrr let itself be framed?
  $ rulrr-embed doctor --page https://pos.example/till --proxy https://pos.example/rulrr

Exit codes: 0 no problem, 1 a problem was found, 2 wrong use.`,
  )
  .action(async (flags: DoctorFlags) => {
    process.exitCode = await (await import('./doctor.js')).runDoctor(flags);
  });

for (const command of [program, ...program.commands]) command.exitOverride();

/** Does what the command line asks for. Whatever goes wrong ends in words and an exit code. */
export async function run(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said what is wrong; help and version are no errors.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else if (error instanceof UsageError || error instanceof TroubleError) {
      console.error(error.message);
      process.exitCode = error instanceof UsageError ? 2 : 1;
    } else {
      const { name, message } = error as Error;
      console.error(process.env['DEBUG'] ? error : `${name}: ${message.split('\n', 1)[0]} (DEBUG=1 shows more)`);
      process.exitCode = 1;
    }
  }
}
