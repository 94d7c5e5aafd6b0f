/**
 * English, and the shape of every other language: the same rooms and keys. `{name}` is filled in.
 * Each element comes with its own room only; the other one is left out of its bundle.
 */
export const enConnect = {
  connect: 'Connect to Rulrr',
  again: 'Connect again',
  connected: 'Connected to Rulrr.',
  ereceiptOn: 'Text receipts are on.',
  ereceiptOff: 'Text receipts are off.',
  starting: 'Opening Rulrr…',
  pending: 'Sign in to Rulrr to connect this store.',
  elsewhere: 'Finish in the other window. This page will notice.',
  cancelling: 'Cancelling…',
  cancelled: 'Connecting was cancelled.',
  expired: 'That took too long. Please start again.',
  failed: 'Could not connect ({code}).',
  signedOut: 'You are signed out here. Sign in and try again.',
  lost: 'Rulrr agreed, but the connection was lost. Please connect once more.',
  offline: 'No connection. Trying again…',
  slow: 'Rulrr is slow to load. Wait, or open it in a new window.',
  blocked: 'Rulrr cannot be shown here. Open it in a new window or on your phone.',
  popup: 'The window was blocked. Use the link instead.',
  window: 'Open in a new window',
  phone: 'Continue on your phone',
  cancel: 'Cancel',
  retry: 'Try again',
};

export const enNumpad = {
  title: 'Would you like your receipt as a text message?',
  number: 'Phone number',
  country: 'Country',
  pad: 'Keypad',
  plus: 'Plus',
  delete: 'Delete',
  clear: 'Clear',
  send: 'Send',
  print: 'No, thanks',
  paper: 'Print the receipt',
  retry: 'Try again',
  ready: 'Is this number right? Then press Send.',
  checking: 'Checking the number…',
  sending: 'Sending…',
  sent: 'Receipt sent to the number ending in {last4}.',
  printed: 'Your receipt is being printed.',
  unconfirmed: 'We could not confirm the text message, so your receipt is being printed.',
  failed: 'The text message was not sent. Try again, or print the receipt.',
  idle: 'Your receipt prints in {seconds} s. Touch the screen to go on.',
  'too-short': 'This number is too short.',
  'too-long': 'This number is too long.',
  invalid: 'This is not a phone number. Please check it.',
  'wrong-country': 'Numbers of this country cannot be used here.',
  'not-textable': 'This number cannot get text messages.',
  extension: 'A number with an extension cannot get text messages.',
  ambiguous: 'That was more than one number.',
};

export const en = { connect: enConnect, numpad: enNumpad };

/** The strings of both elements in one language. */
export type Messages = { [Room in keyof typeof en]: { [Key in keyof (typeof en)[Room]]: string } };
