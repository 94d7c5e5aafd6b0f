const plain = (name: string): string => name.toLowerCase().replace(/s(?![a-z])|[^a-z]/g, '');

/** The known name that a name was meant to be which would otherwise quietly do nothing: the same but for case, signs and a plural. */
export function meantBy(name: string, known: readonly string[]): string | undefined {
  return known.includes(name) ? undefined : known.find((one) => plain(one) === plain(name));
}
