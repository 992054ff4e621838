// `ops status`: one look at everything that can be behind, missing or odd. Changes nothing.
import type { Command } from 'commander';
import { REPLAY_MISSING_DAYS } from '../../counting/days/missing-days.js';
import { integerArgument } from '../arguments.js';
import { withSession } from '../session.js';
import { gapRows } from '../stream/gaps.js';
import { print, printJson, tableText } from '../terminal.js';
import type { Oddity } from './generation-health.js';
import { reportStatus, type StatusReport } from './status-report.js';

const LONGEST_CHECK_SECONDS = 3_600;
const DEFAULT_CHECK_SECONDS = 30;

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description(
      'stream, durables, lag, watermarks, ingest processes, ledger days, dead letters, gaps, copy',
    )
    .option(
      '--check-seconds <n>',
      'longest time for each question over the whole ledger',
      integerArgument(1, LONGEST_CHECK_SECONDS),
      DEFAULT_CHECK_SECONDS,
    )
    .option('--json', 'answer as JSON')
    .action((options: { checkSeconds: number; json?: boolean }) =>
      withSession(async (session) => {
        const report = await reportStatus(session, options.checkSeconds * 1_000);
        if (options.json) printJson(report);
        else print(statusText(report));
      }),
    );
}

/** The report for people: a table per subject. */
export function statusText(report: StatusReport): string {
  return [
    section('stream', streamRows(report)),
    section('durables', durableRows(report)),
    section('consumers of nobody', foreignRows(report)),
    section('generations', generationRows(report)),
    section('ingest processes', ingestRows(report)),
    section('ledger days', ledgerRows(report)),
    section('dead letters', deadLetterRows(report)),
    section('open gaps', gapRows(report.gaps)),
    section('copy in clickhouse', copyRows(report)),
    section('odd in the ledger', [
      ['what', 'messages', 'such as'],
      ['ids on two days', ...odd(report.idsOnTwoDays)],
      ['over_refunded', ...odd(report.overRefunded)],
    ]),
  ].join('\n\n');
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const body = rows.length > 1 ? tableText(rows) : '(none)';
  return `${title.toUpperCase()}\n${body.replace(/^/gm, '  ')}`;
}

function streamRows({ stream }: StatusReport): string[][] {
  if (stream === undefined) {
    return [['state'], ['The stream does not exist. Create it: ops setup']];
  }
  return [
    ['name', 'created', 'first', 'last', 'messages', 'MiB'],
    [
      stream.name,
      stream.createdAt,
      String(stream.firstSequence),
      String(stream.lastSequence),
      String(stream.messages),
      (stream.bytes / 1_048_576).toFixed(1),
    ],
  ];
}

function durableRows({ durables }: StatusReport): string[][] {
  return [
    ['name', 'generation', 'pending', 'unacknowledged', 'ack floor', 'lag'],
    ...durables.map((one) =>
      one.exists
        ? [
            one.name,
            String(one.generation),
            String(one.pending),
            String(one.unacknowledged),
            String(one.ackFloor),
            `${one.lagSeconds} s`,
          ]
        : [one.name, String(one.generation), 'missing: ops setup'],
    ),
  ];
}

function foreignRows({ foreignConsumers }: StatusReport): string[][] {
  return [['name'], ...foreignConsumers.map((name) => [name])];
}

function generationRows({ generations }: StatusReport): string[][] {
  return [
    ['generation', 'state', 'data_as_of', 'settled_through', 'revision', 'ledger floor'],
    ...generations.map((one) => [
      String(one.generation),
      one.state,
      one.dataAsOf ?? '-',
      one.settledThrough ?? '-',
      String(one.revision),
      one.ledgerFloor ?? '-',
    ]),
  ];
}

function ingestRows({ ingest }: StatusReport): string[][] {
  return [
    ['process', 'generation', 'stream', 'last look', 'batches', 'highest sequence'],
    ...ingest.map((one) => [
      one.worker,
      String(one.generation),
      String(one.streamId),
      one.secondsSinceLook === undefined ? '-' : `${one.secondsSinceLook} s ago`,
      String(one.revision),
      String(one.highestSequence),
    ]),
  ];
}

function ledgerRows({ ledgerDays }: StatusReport): string[][] {
  return [
    ['generation', 'days', 'first', 'last', 'missing', 'to do'],
    ...ledgerDays.map(({ generation, dayCount, firstDay, lastDay, missingDays, goneDays }) => [
      String(generation),
      String(dayCount),
      firstDay ?? '-',
      lastDay ?? '-',
      missingDays.length === 0 ? 'none' : missingDays.join(' '),
      goneDays.length === 0 ? '-' : `attach ${goneDays.join(' ')}, then: ${REPLAY_MISSING_DAYS}`,
    ]),
  ];
}

function deadLetterRows({ deadLetters }: StatusReport): string[][] {
  return [
    ['reason', 'open', 'resolved'],
    ...deadLetters.map(({ reason, open, resolved }) => [reason, String(open), String(resolved)]),
  ];
}

function copyRows({ copy }: StatusReport): string[][] {
  return [
    ['completed', 'data_as_of', 'last run'],
    [copy.completedAt ?? 'never', copy.dataAsOf ?? '-', copy.lastOutcome ?? 'none'],
  ];
}

function odd(oddity: Oddity | undefined): [string, string] {
  if (oddity === undefined) return ['not determined in time', '(--check-seconds)'];
  return [String(oddity.count), oddity.sample.join(' ')];
}
