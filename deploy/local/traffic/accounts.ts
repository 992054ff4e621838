// The gateway's customers in the demo traffic: a few large and many small (Zipf's law). No name
// looks like a phone number, which ingestion would refuse.

/** A customer of the gateway. */
export interface Account {
  readonly accountId: string;
  /** Share of the traffic, relative to the others. */
  readonly weight: number;
  /** Billed only for what arrives: failures are refunded. */
  readonly paysOnDelivery: boolean;
  /** Publishes protobuf instead of JSON. */
  readonly binary: boolean;
  /** Usual length of its messages in segments. */
  readonly segmentsMax: number;
}

const LARGE = ['acme-travel', 'globex-bank', 'initech-retail', 'umbrella-health', 'hooli-auth'];
const MEDIUM = ['northwind', 'contoso', 'fabrikam', 'tailspin', 'wingtip', 'litware', 'proseware'];

/** All accounts, the largest first: rank r has weight 1 / r^1.1. */
export const ACCOUNTS: readonly Account[] = names().map((accountId, index) => ({
  accountId,
  weight: 1 / (index + 1) ** 1.1,
  paysOnDelivery: index % 4 === 1,
  binary: index % 6 === 2,
  segmentsMax: index % 3 === 0 ? 4 : 2,
}));

function names(): string[] {
  const small = Array.from({ length: 6 }, (_, branch) =>
    MEDIUM.map((name) => `${name}-${String(branch + 1).padStart(2, '0')}`),
  );
  return [...LARGE, ...MEDIUM, ...small.flat()];
}
