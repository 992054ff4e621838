// Sums of money by currency. Invariant: currencies are never added together, and nothing is rounded
// but a quotient.
import type { Nanos } from './decimal.js';

/** What was charged and given back in one currency. */
export interface MoneySums {
  /** Messages charged. */
  charges: bigint;
  /** Refunds made. */
  refunds: bigint;
  charged: Nanos;
  refunded: Nanos;
}

/** Sums by ISO 4217 code. */
export type MoneyByCurrency = Map<string, MoneySums>;

/**
 * Sums of one currency. A list of them, each currency once, costs less than a map where there are
 * hundreds.
 */
export interface CurrencySums extends MoneySums {
  /** ISO 4217 code. */
  readonly currency: string;
}

/** Adds the sums of one currency to a list, in place. */
export function addCurrency(list: CurrencySums[], more: CurrencySums): void {
  for (const one of list) {
    if (one.currency === more.currency) {
      addTo(one, more);
      return;
    }
  }
  const { currency, charges, refunds, charged, refunded } = more;
  list.push({ currency, charges, refunds, charged, refunded });
}

/** Adds the sums of one currency to `money`, in place. */
export function addSums(money: MoneyByCurrency, { currency, ...sums }: CurrencySums): void {
  const known = money.get(currency);
  if (known === undefined) money.set(currency, sums);
  else addTo(known, sums);
}

/**
 * Whether there is a charge or a refund: one that was displaced by another leaves sums of nothing.
 */
export function isMoney({ charges, refunds }: MoneySums): boolean {
  return charges !== 0n || refunds !== 0n;
}

/** What is left of `all` without the sums of `parts`; neither is changed. */
export function moneyWithout(
  all: MoneyByCurrency,
  parts: Iterable<MoneyByCurrency>,
): MoneyByCurrency {
  const rest: MoneyByCurrency = new Map();
  for (const [currency, sums] of all) rest.set(currency, { ...sums });
  for (const part of parts) {
    for (const [currency, { charges, refunds, charged, refunded }] of part) {
      const less = { charges: -charges, refunds: -refunds, charged: -charged, refunded: -refunded };
      addSums(rest, { currency, ...less });
    }
  }
  return rest;
}

/** Most refunds are 0, and adding that makes a new bigint as well. */
function addTo(sums: MoneySums, more: MoneySums): void {
  sums.charges += more.charges;
  sums.charged += more.charged;
  if (more.refunds) sums.refunds += more.refunds;
  if (more.refunded) sums.refunded += more.refunded;
}

/** charged - refunded; may be negative. */
export function netOf(sums: MoneySums): Nanos {
  return sums.charged - sums.refunded;
}

/** `amount` / `messages`, rounded half to even to a whole nano; undefined where there are none. */
export function perMessage(amount: Nanos, messages: bigint | number): Nanos | undefined {
  const count = BigInt(messages);
  if (count <= 0n) return undefined;
  const quotient = amount / count;
  const rest = amount % count;
  const twice = 2n * (rest < 0n ? -rest : rest);
  const away = amount < 0n ? -1n : 1n;
  if (twice > count || (twice === count && quotient % 2n !== 0n)) return quotient + away;
  return quotient;
}
