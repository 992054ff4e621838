// The entry of `@sms-analytics/receipts`: parsers of gateways' delivery receipts, and the signed
// reference that says which message a callback is about. It has no dependency.
export { callbackUrl, GATEWAYS, type Gateway, infobipCallback } from './callback-urls.js';
export { type InfobipResult, infobipReceipts } from './infobip.js';
export { JASMIN_ACKNOWLEDGEMENT, jasminReceipt } from './jasmin.js';
export { kannelReceipt } from './kannel.js';
export type { Parsed, Receipt, ReceiptError, ReceiptRefusal, StateName } from './receipt.js';
export {
  type MessageReference,
  type ReferenceRefusal,
  readReference,
  signReference,
} from './reference.js';
export { sinchReceipt } from './sinch.js';
export { type DeliverSm, receiptText, type SmppOptions, smppReceipt } from './smpp.js';
export { twilioReceipt } from './twilio.js';
export { vonageReceipt } from './vonage.js';
