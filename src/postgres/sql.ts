// Statements with named parameters. Postgres knows positions only; a name says what a value is, and
// may stand in several places.

/** A statement of ours: its text as Postgres takes it, and its values by name. */
export interface Statement<P extends object> {
  /** With $1, $2, …, in the order in which the names first appear. */
  readonly text: string;
  /**
   * What `pg` takes as a query.
   *
   * @throws if a name of the text has no value, or a value has no name in the text.
   */
  (parameters: P): { text: string; values: unknown[] };
}

/** `:name`, and neither a cast (`::int`) nor a part of a word. */
const NAME = /(?<![:\w]):([a-z]\w*)/g;

/**
 * A statement in which `:name` stands for a value. What is put in by `${}` is text of ours and may
 * have names as well. Literals with a colon before a letter are not supported.
 */
export function sql<P extends object = Record<never, never>>(
  strings: TemplateStringsArray,
  ...fragments: readonly string[]
): Statement<P> {
  const names: string[] = [];
  const text = String.raw({ raw: strings }, ...fragments).replace(NAME, (_, name: string) => {
    if (name.includes('_')) throw new Error(`:${name} is no name: write it in camel case`);
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  const statement = (parameters: P) => {
    const given = Object.keys(parameters);
    const odd = [...names, ...given].filter((n) => !names.includes(n) || !given.includes(n));
    if (odd.length > 0) throw new Error(`the statement and its parameters differ in ${odd}`);
    return { text, values: names.map((name) => parameters[name as keyof P]) };
  };
  return Object.assign(statement, { text });
}
