// As much of PromQL as alert rules and dashboards here use: which metrics and labels an expression
// names, and whether both operands of a binary operator carry the same labels. Where they do not,
// Prometheus finds no pair, without any error. What is not read (on, ignoring, offset, subqueries)
// throws, so that nobody believes that it was checked.
// https://prometheus.io/docs/prometheus/latest/querying/operators/#vector-matching

/**
 * Labels of the series that an expression yields; of a scalar, and of what exists only where the
 * other side does not.
 */
type Labels = ReadonlySet<string> | 'scalar' | 'absent';

/** Names of the labels of a metric's series, those of the scraper left out. */
export type LabelsOf = (metric: string) => readonly string[];

const TOKEN =
  /"(?:\\.|[^"\\])*"|\{[^}]*\}|\[[^\]]*\]|\d[\d.]*|[a-zA-Z_:][\w:]*|[<>!=]=|[-+*/%^<>(),]|\S/g;
const AGGREGATIONS = new Set(['sum', 'min', 'max', 'avg', 'count']);
/** From the loosest to the tightest. */
const LEVELS: readonly (readonly string[])[] = [
  ['or'],
  ['and', 'unless'],
  ['==', '!=', '<=', '<', '>=', '>'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Every operator of an expression whose operands have different labels, as `{a} op {b}`. */
export function mismatches(expression: string, labelsOf: LabelsOf): string[] {
  return new Reader(expression, labelsOf).read();
}

class Reader {
  readonly #tokens: string[];
  readonly #found: string[] = [];

  constructor(
    expression: string,
    private readonly labelsOf: LabelsOf,
  ) {
    this.#tokens = expression.match(TOKEN) ?? [];
  }

  read(): string[] {
    this.#binary(0);
    if (this.#tokens.length > 0) throw new Error(`not read: ${this.#tokens.join(' ')}`);
    return this.#found;
  }

  #binary(level: number): Labels {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#operand();
    let left = this.#binary(level + 1);
    for (;;) {
      const operator = this.#tokens[0] ?? '';
      if (!operators.includes(operator)) return left;
      this.#tokens.shift();
      left = this.#joined(left, operator, this.#binary(level + 1));
    }
  }

  #joined(left: Labels, operator: string, right: Labels): Labels {
    if (left === 'scalar' || right === 'scalar') return left === 'scalar' ? right : left;
    if (operator === 'or' && (left === 'absent' || right === 'absent')) {
      return left === 'absent' ? right : left;
    }
    if (textOf(left) !== textOf(right)) {
      this.#found.push(`${textOf(left)} ${operator} ${textOf(right)}`);
    }
    return left;
  }

  #operand(): Labels {
    const token = this.#next();
    if (token === '(') {
      const inner = this.#binary(0);
      this.#expect(')');
      return inner;
    }
    if (/^\d/.test(token)) return 'scalar';
    if (AGGREGATIONS.has(token)) return this.#aggregation();
    if (!/^\w/.test(token)) throw new Error(`not read: ${token}`);
    return this.#tokens[0] === '(' ? this.#call(token) : this.#series(token);
  }

  #series(metric: string): Labels {
    for (const suffix of [/^\{/, /^\[/]) if (suffix.test(this.#tokens[0] ?? '')) this.#next();
    return new Set([...this.labelsOf(metric), 'instance']);
  }

  /** `sum by (a, b) (x)`: the labels named; without `by`, none. */
  #aggregation(): Labels {
    const kept = new Set<string>();
    if (this.#tokens[0] === 'by') {
      this.#next();
      this.#expect('(');
      for (let label = this.#next(); label !== ')'; label = this.#next()) {
        if (label !== ',') kept.add(label);
      }
    }
    this.#expect('(');
    this.#binary(0);
    this.#expect(')');
    return kept;
  }

  /** The labels of a function's last argument; a quantile has no `le` any more. */
  #call(name: string): Labels {
    this.#expect('(');
    let labels: Labels = 'scalar';
    while (this.#tokens[0] !== ')') {
      labels = this.#binary(0);
      if (this.#tokens[0] === ',') this.#next();
    }
    this.#expect(')');
    if (name === 'absent') return 'absent';
    if (name !== 'histogram_quantile' || typeof labels === 'string') return labels;
    return new Set([...labels].filter((label) => label !== 'le'));
  }

  #next(): string {
    const token = this.#tokens.shift();
    if (token === undefined) throw new Error('the expression ends too early');
    return token;
  }

  #expect(wanted: string): void {
    const token = this.#next();
    if (token !== wanted) throw new Error(`not read: ${token} instead of ${wanted}`);
  }
}

function textOf(labels: Labels): string {
  return typeof labels === 'string' ? labels : `{${[...labels].sort().join(', ')}}`;
}

/** Words of PromQL that stand where a metric could. */
const WORDS = new Set(['by', 'and', 'or', 'on', 'le', 'without', 'unless', 'bool', 'ignoring']);

export interface Use {
  readonly metric: string;
  /** Labels that its selector names. */
  readonly labels: readonly string[];
}

const withoutGroups = (expression: string) =>
  expression.replace(/\b(?:by|without)\s*\([^)]*\)/g, ' ').replace(/\[[^\]]*\]/g, ' ');

/** Metrics of an expression, each with its selector. */
export function usesOf(expression: string): Use[] {
  const word = /\b([a-z_][a-z0-9_:]*)\b(?!\s*\()(?:\{([^}]*)\})?/g;
  return [...withoutGroups(expression).matchAll(word)]
    .filter(([, name = '']) => !WORDS.has(name))
    .map(([, metric = '', selector = '']) => ({
      metric,
      labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1] ?? ''),
    }));
}

/** Labels by which an expression groups. */
export function groupsOf(expression: string): string[] {
  return [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap((match) =>
    (match[1] ?? '').split(',').map((label) => label.trim()),
  );
}
