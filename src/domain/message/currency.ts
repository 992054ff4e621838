// The currencies in which a charge can be made: a closed list, so that a typing error becomes a
// dead letter and not a total of its own.

/**
 * Active alphabetic codes of national and supranational currencies, by ISO 4217 list one
 * (maintenance agency: SIX, Zurich) of 2026-01-01. Left out: funds and units of
 * account (BOV CHE CHW CLF COU MXV USN UYI UYW XAD XDR XSU XUA), metals (XAG XAU XPD XPT), bond
 * markets (XBA-XBD), testing (XTS) and "no currency" (XXX): nobody is charged in those. Withdrawn
 * by the list's day: ANG BGN CUC HRK SLL ZWL.
 */
export const CURRENCIES: ReadonlySet<string> = new Set(
  `
  AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN
  BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB
  EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR
  ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD
  MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR
  PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
  SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
  UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
`
    .trim()
    .split(/\s+/),
);

/** True for an active ISO 4217 alphabetic code, upper case. */
export function isCurrency(text: string): boolean {
  return CURRENCIES.has(text);
}
