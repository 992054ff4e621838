// The mobile operators of the demo traffic, under their real MCC and MNC (ITU-T E.212). Their
// rates, latencies, prices and habits are invented; they differ enough that a dashboard has
// something to show.

import { ErrorNetwork, MessageState } from '../../../src/generated/proto/sms/events/v1/events.js';

/** A way of failing, with how common it is among an operator's failures. */
export interface Failure {
  readonly state: MessageState;
  /** Absent: the operator gives no code. */
  readonly error?: { readonly network: ErrorNetwork; readonly code: number };
  readonly weight: number;
}

/** An operator and how it behaves. */
export interface Operator {
  /** MCC and MNC. */
  readonly operatorId: string;
  readonly name: string;
  /** Share of the traffic, relative to the others. */
  readonly weight: number;
  /** Of the messages with a final report. */
  readonly deliveryRate: number;
  /** Share of messages that ever get a final report. */
  readonly receiptRate: number;
  readonly latencyMedianMs: number;
  /** Standard deviation of the latency's logarithm. */
  readonly latencySigma: number;
  /** Price of one segment, in 1e-4 of the currency. */
  readonly priceTenThousandths: number;
  readonly currency: string;
  readonly failures: readonly Failure[];
}

const { DELETED, EXPIRED, REJECTED, SKIPPED, UNDELIVERABLE } = MessageState;
const map = (code: number) => ({ network: ErrorNetwork.GSM_MAP, code });
const smpp = (code: number) => ({ network: ErrorNetwork.SMPP, code });
const vendor = (code: number) => ({ network: ErrorNetwork.VENDOR, code });

/** Speaks MAP all the way: absent, unknown and barred subscribers. */
const MAP_FAILURES: readonly Failure[] = [
  { state: UNDELIVERABLE, error: map(27), weight: 30 },
  { state: UNDELIVERABLE, error: map(1), weight: 22 },
  { state: EXPIRED, error: map(6), weight: 14 },
  { state: EXPIRED, weight: 8 },
  { state: UNDELIVERABLE, error: map(13), weight: 6 },
  { state: UNDELIVERABLE, error: map(31), weight: 6 },
  { state: UNDELIVERABLE, error: map(32), weight: 5 },
  { state: UNDELIVERABLE, error: map(34), weight: 4 },
  { state: UNDELIVERABLE, error: map(9), weight: 2 },
  { state: UNDELIVERABLE, error: map(77), weight: 1 },
];

/** Answers with SMPP command status: throttled, full queues, rejections. */
const SMPP_FAILURES: readonly Failure[] = [
  { state: REJECTED, error: smpp(0x45), weight: 24 },
  { state: UNDELIVERABLE, error: smpp(0x0b), weight: 20 },
  { state: REJECTED, error: smpp(0x58), weight: 16 },
  { state: EXPIRED, weight: 14 },
  { state: UNDELIVERABLE, error: smpp(0x64), weight: 10 },
  { state: UNDELIVERABLE, error: smpp(0x14), weight: 8 },
  { state: UNDELIVERABLE, error: smpp(0x08), weight: 6 },
  { state: REJECTED, error: smpp(0x0fff), weight: 2 },
];

/** Has codes of its own, or none. */
const VENDOR_FAILURES: readonly Failure[] = [
  { state: UNDELIVERABLE, error: vendor(1001), weight: 26 },
  { state: UNDELIVERABLE, weight: 20 },
  { state: EXPIRED, error: vendor(0), weight: 16 },
  { state: DELETED, weight: 12 },
  { state: REJECTED, error: vendor(2040), weight: 12 },
  { state: SKIPPED, weight: 8 },
  { state: UNDELIVERABLE, error: map(21), weight: 6 },
];

type Row = readonly [
  operatorId: string,
  name: string,
  weight: number,
  deliveryRate: number,
  receiptRate: number,
  latencyMedianMs: number,
  latencySigma: number,
  priceTenThousandths: number,
  currency: string,
  failures: readonly Failure[],
];

const ROWS: readonly Row[] = [
  ['22801', 'Swisscom CH', 10, 0.985, 0.998, 2_100, 0.6, 690, 'CHF', MAP_FAILURES],
  ['22802', 'Sunrise CH', 5, 0.98, 0.997, 2_600, 0.7, 690, 'CHF', MAP_FAILURES],
  ['26201', 'Telekom DE', 12, 0.978, 0.996, 2_400, 0.7, 790, 'EUR', MAP_FAILURES],
  ['26202', 'Vodafone DE', 9, 0.974, 0.995, 2_900, 0.8, 780, 'EUR', MAP_FAILURES],
  ['20801', 'Orange FR', 8, 0.97, 0.995, 3_100, 0.8, 520, 'EUR', MAP_FAILURES],
  ['20810', 'SFR FR', 6, 0.965, 0.993, 3_400, 0.9, 530, 'EUR', SMPP_FAILURES],
  ['23415', 'Vodafone UK', 9, 0.972, 0.995, 2_700, 0.8, 410, 'GBP', MAP_FAILURES],
  ['23410', 'O2 UK', 7, 0.969, 0.994, 2_500, 0.8, 400, 'GBP', SMPP_FAILURES],
  ['310260', 'T-Mobile US', 11, 0.955, 0.98, 3_800, 1.0, 83, 'USD', SMPP_FAILURES],
  ['311480', 'Verizon US', 8, 0.95, 0.975, 4_200, 1.0, 85, 'USD', SMPP_FAILURES],
  ['22210', 'Vodafone IT', 5, 0.962, 0.99, 3_300, 0.9, 610, 'EUR', MAP_FAILURES],
  ['21407', 'Movistar ES', 5, 0.958, 0.99, 3_600, 0.9, 590, 'EUR', MAP_FAILURES],
  ['20404', 'Vodafone NL', 4, 0.975, 0.996, 2_200, 0.6, 810, 'EUR', MAP_FAILURES],
  ['24001', 'Telia SE', 3, 0.98, 0.997, 1_900, 0.6, 540, 'SEK', MAP_FAILURES],
  ['26006', 'Play PL', 4, 0.952, 0.988, 3_900, 1.0, 260, 'PLN', SMPP_FAILURES],
  ['28601', 'Turkcell TR', 4, 0.93, 0.97, 5_500, 1.1, 140, 'USD', SMPP_FAILURES],
  ['40410', 'Airtel IN', 6, 0.9, 0.93, 8_000, 1.2, 21, 'USD', VENDOR_FAILURES],
  ['62130', 'MTN NG', 4, 0.84, 0.9, 14_000, 1.4, 330, 'USD', VENDOR_FAILURES],
  ['63902', 'Safaricom KE', 3, 0.91, 0.95, 6_500, 1.1, 310, 'USD', VENDOR_FAILURES],
  ['72405', 'Claro BR', 5, 0.89, 0.94, 9_000, 1.2, 190, 'BRL', VENDOR_FAILURES],
  ['44010', 'NTT Docomo JP', 3, 0.982, 0.998, 1_700, 0.5, 112_000, 'JPY', MAP_FAILURES],
  ['41220', 'Afghan Wireless AF', 2, 0.72, 0.85, 45_000, 1.6, 2_310, 'USD', VENDOR_FAILURES],
];

/** All operators. */
export const OPERATORS: readonly Operator[] = ROWS.map((row) => ({
  operatorId: row[0],
  name: row[1],
  weight: row[2],
  deliveryRate: row[3],
  receiptRate: row[4],
  latencyMedianMs: row[5],
  latencySigma: row[6],
  priceTenThousandths: row[7],
  currency: row[8],
  failures: row[9],
}));
