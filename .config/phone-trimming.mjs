/** What of libphonenumber-js neither element calls, though its `PhoneNumber` has a method for each. */
const uncalled = /[\\/](?:isPossible|getPossibleCountriesForNumber)\.js$/;
const leftOut = 'function leftOut() { throw new Error("left out of the script tag"); }';

/** libphonenumber-js as the script tag carries it: without two calls that nobody makes, and without what the oldest browser brings itself. */
export const trimPhoneLibrary = () => ({
  name: 'trim-phone-library',
  transform(code, id) {
    if (!/[\\/]libphonenumber-js[\\/]/.test(id)) return null;
    if (uncalled.test(id))
      return { code: `${leftOut}\nexport { leftOut as default, leftOut as isPossibleNumber };`, map: null };
    return { code: code.replace(/^function _extends\(\) \{.*\}$/m, 'const _extends = Object.assign;'), map: null };
  },
});
