/** Sums of money by currency. Invariant: currencies are never added together, and nothing is rounded but a quotient. */
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

/** Adds `more` to `money`, in place. */
export function addMoney(money: MoneyByCurrency, more: MoneyByCurrency): void {
  for (const [currency, sums] of more) addSums(money, currency, sums);
}

/** Adds the sums of one currency to `money`, in place. */
export function addSums(money: MoneyByCurrency, currency: string, sums: MoneySums): void {
  const known = money.get(currency);
  if (known === undefined) {
    money.set(currency, { ...sums });
  } else {
    known.charges += sums.charges;
    known.refunds += sums.refunds;
    known.charged += sums.charged;
    known.refunded += sums.refunded;
  }
}

/** charged - refunded; may be negative. */
export function netOf(sums: MoneySums): Nanos {
  return sums.charged - sums.refunded;
}

/** `amount` / `count`, rounded half to even to a whole nano; undefined where `count` is 0. */
export function perMessage(amount: Nanos, count: bigint): Nanos | undefined {
  if (count <= 0n) return undefined;
  const quotient = amount / count;
  const rest = amount % count;
  const twice = 2n * (rest < 0n ? -rest : rest);
  const away = amount < 0n ? -1n : 1n;
  if (twice > count || (twice === count && quotient % 2n !== 0n)) return quotient + away;
  return quotient;
}
