import type { Command } from 'commander';

import { WatchkeeperError } from '../../lib/errors.ts';
import { findDaemon } from '../daemon.ts';
import { exitCodes } from '../exit.ts';
import { ledgerOptions, lookAtLedger, openLedger, type LedgerWhere } from '../ledger-source.ts';
import { renderEntries, renderReceipt, renderReport } from '../render/ledger.ts';
import { clean } from '../render/safe.ts';
import { count } from '../render/words.ts';
import { makeCommand, makeGroup, onAction, type Making } from '../run-command.ts';
import { absolute } from '../shell.ts';
import { collect, required, wholeNumber } from '../values.ts';

/** `ledger`: verify, read and prove, from an exported folder, beside the daemon, or through it. */
export function ledgerCommand(making: Making): Command {
  return makeGroup('ledger', 'verify, read and prove the log of everything that was decided and done')
    .addCommand(verifyPart(making))
    .addCommand(showPart(making))
    .addCommand(proofPart(making))
    .addCommand(exportPart(making))
    .addCommand(receiptPart(making));
}

interface VerifyOptions extends LedgerWhere {
  readonly vkey: readonly string[];
}

function verifyPart(making: Making): Command {
  const command = ledgerOptions(
    makeCommand('verify', 'recompute everything; exit 1 and name each damage when it does not hold'),
  )
    .argument('[folder]', 'an exported ledger (default: the configured store)')
    .option(
      '--vkey <key>',
      'a public key to trust; without one, damage is found but not a forger with his own key',
      collect,
      [],
    );
  return onAction<VerifyOptions>(making, command, async ({ shell, options, args, emit }) => {
    const ledger = await lookAtLedger(shell, options, args[0]);
    try {
      const report = await ledger.verify(options.vkey.length === 0 ? undefined : options.vkey);
      const vkeys = await ledger.vkeys();
      emit({ ...report, folder: ledger.folder, vkeys }, (style) =>
        renderReport(report, vkeys, options.vkey.length > 0, style),
      );
      return report.ok ? exitCodes.ok : exitCodes.no;
    } finally {
      await ledger.close();
    }
  });
}

interface ShowOptions extends LedgerWhere {
  readonly from?: number;
  readonly limit: number;
  readonly incident?: string;
  readonly type?: string;
}

function showPart(making: Making): Command {
  const command = ledgerOptions(makeCommand('show', 'entries, oldest first; the newest of them by default'))
    .argument('[folder]', 'an exported ledger (default: the daemon, else the data folder)')
    .option('--from <seq>', 'the first entry', wholeNumber)
    .option('--limit <number>', 'the most to show', wholeNumber, 50)
    .option('--incident <id>', 'only entries about this incident')
    .option('--type <type>', 'only entries of this type');
  return onAction<ShowOptions>(making, command, async ({ shell, options, args, emit }) => {
    const ledger = await openLedger(shell, options, args[0]);
    try {
      const wanted = (one: {
        readonly entry: { readonly type: string; readonly subject: { readonly incident?: string } };
      }) =>
        (options.type === undefined || one.entry.type === options.type) &&
        (options.incident === undefined || one.entry.subject.incident?.startsWith(options.incident) === true);
      const entries = await collectEntries(ledger, options, wanted);
      emit({ entries }, (style) => renderEntries(entries, style));
      return undefined;
    } finally {
      await ledger.close();
    }
  });
}

const page = 200;

async function collectEntries(
  ledger: Awaited<ReturnType<typeof openLedger>>,
  { from, limit, incident, type }: ShowOptions,
  wanted: (one: Awaited<ReturnType<typeof ledger.entries>>[number]) => boolean,
): Promise<Awaited<ReturnType<typeof ledger.entries>>> {
  const size = await ledger.size();
  const filtered = incident !== undefined || type !== undefined;
  const found: Awaited<ReturnType<typeof ledger.entries>>[number][] = [];
  if (from === undefined && filtered) {
    // The newest of them, wherever they are: from the end backwards.
    for (let end = size; end > 0 && found.length < limit; end -= page) {
      const at = Math.max(0, end - page);
      found.unshift(...(await ledger.entries(at, end - at)).filter(wanted));
    }
    return found.slice(Math.max(0, found.length - limit));
  }
  const start = from ?? Math.max(0, size - limit);
  for (let at = start; at < size && found.length < limit; at += page)
    found.push(...(await ledger.entries(at, Math.min(page, size - at))).filter(wanted));
  return found.slice(0, limit);
}

interface ProofOptions extends LedgerWhere {
  readonly folder?: string;
  readonly out?: string;
}

function proofPart(making: Making): Command {
  const command = ledgerOptions(
    makeCommand('proof', 'a receipt for one entry, that anyone can verify with the public key alone'),
  )
    .argument('<seq>', 'the number of the entry', wholeNumber)
    .option('--folder <folder>', 'an exported ledger (default: the daemon, else the data folder)')
    .option('--out <file>', 'write the receipt there');
  return onAction<ProofOptions>(making, command, async ({ shell, options, args, emit }) => {
    const ledger = await openLedger(shell, options, options.folder);
    try {
      const receipt = await ledger.proof(Number(required(args, 0)));
      if (options.out === undefined) emit({ receipt }, () => receipt);
      else {
        const out = absolute(shell, options.out);
        await shell.files.writeAtomic(out, receipt, 0o644, shell.signal);
        emit(
          { out },
          () =>
            `written to ${clean(out, 500)}; verify it with: watchkeeper ledger receipt-verify ${clean(out, 500)} --vkey ...`,
        );
      }
      return undefined;
    } finally {
      await ledger.close();
    }
  });
}

function exportPart(making: Making): Command {
  const command = ledgerOptions(makeCommand('export', 'write the ledger as tlog-tiles into a folder')).argument(
    '<folder>',
    'where to',
  );
  return onAction<LedgerWhere>(making, command, async ({ shell, options, args, emit }) => {
    const folder = absolute(shell, required(args, 0));
    const told = (size: number) =>
      emit(
        { folder, size },
        () =>
          `${count(size, 'entry', 'entries')} in ${clean(folder, 500)}; verify with: watchkeeper ledger verify ${clean(folder, 500)}`,
      );
    if (options.url !== undefined || shell.environment['WATCHKEEPER_URL'] !== undefined) {
      const daemon = await findDaemon(shell, options);
      told((await daemon.post<{ readonly size: number }>('/api/v1/ledger/export', { folder })).size);
      return undefined;
    }
    const ledger = await lookAtLedger(shell, options, undefined);
    try {
      told((await ledger.exportTo(folder)).size);
    } finally {
      await ledger.close();
    }
    return undefined;
  });
}

interface ReceiptOptions {
  readonly vkey: readonly string[];
}

function receiptPart(making: Making): Command {
  const command = makeCommand('receipt-verify', 'verify a receipt offline, with nothing but the public key')
    .argument('<file>', 'the receipt')
    .requiredOption('--vkey <key>', 'the public key of the ledger; may be repeated', collect, []);
  return onAction<ReceiptOptions>(making, command, async ({ shell, options, args, emit }) => {
    const { verifyReceiptText } = await import('../../agent/index.ts');
    if (options.vkey.length === 0)
      throw new WatchkeeperError('usage', 'a receipt proves nothing without a key to trust', {
        fix: 'Give it with --vkey; "watchkeeper ledger verify" prints the key of a ledger you trust.',
      });
    const file = absolute(shell, required(args, 0));
    const text = new TextDecoder().decode(await shell.files.read(file, 1024 * 1024, shell.signal));
    try {
      const content = verifyReceiptText(text, options.vkey);
      emit({ ok: true, ...content }, (style) => renderReceipt(content, style));
      return exitCodes.ok;
    } catch (thrown) {
      const { code, message } = WatchkeeperError.from(thrown);
      if (code !== 'ledger-invalid' && code !== 'malformed') throw thrown;
      emit({ ok: false, because: message }, () => `does not hold: ${clean(message)}`);
      return exitCodes.no;
    }
  });
}
