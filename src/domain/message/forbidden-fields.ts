/**
 * Field names that may not occur in a JSON event at any depth, because a phone number or the text of
 * a message would be under them. A closed list: adding a name refuses events that were admitted
 * before, so it is a change of the contract.
 */

/** In the form in which names are compared: lower case without `_` and `-`. */
export const FORBIDDEN_FIELDS: ReadonlySet<string> = new Set([
  'addr',
  'address',
  'body',
  'callednumber',
  'callednumbers',
  'calledparty',
  'cellphone',
  'content',
  'dest',
  'destaddr',
  'destaddress',
  'destination',
  'destinationaddr',
  'destinationaddress',
  'destinationnumber',
  'destinations',
  'destnumber',
  'imsi',
  'message',
  'messagebody',
  'messagecontent',
  'messagepayload',
  'messagetext',
  'mobile',
  'mobilenumber',
  'msg',
  'msgbody',
  'msgtext',
  'msisdn',
  'msisdns',
  'number',
  'numbers',
  'phone',
  'phonenumber',
  'phonenumbers',
  'phones',
  'receiver',
  'recipient',
  'recipientaddress',
  'recipientnumber',
  'recipients',
  'shortmessage',
  'smsbody',
  'smstext',
  'subscribernumber',
  'tel',
  'telephone',
  'telephonenumber',
  'text',
  'to',
  'toaddress',
  'tonumber',
  'tophone',
]);

/** True where `name`, in lower case without `_` and `-`, is on the list. */
export function isForbiddenField(name: string): boolean {
  return FORBIDDEN_FIELDS.has(name.toLowerCase().replaceAll('_', '').replaceAll('-', ''));
}
