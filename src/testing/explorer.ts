/**
 * Every interleaving of a small world, breadth first, so that the first broken promise found is one of
 * the shortest. A path is replayed from the start: real objects cannot be copied.
 */

/** A world whose every step is a named choice. */
export interface ExploredWorld {
  readonly violations: ReadonlySet<string>;
  choices(): string[];
  apply(choice: string): Promise<void>;
  /** The same for worlds that behave alike from here on. */
  key(): string;
  /** No more trouble: all must come to rest. */
  rest(): Promise<void>;
  /** Lets go of everything. */
  end(): Promise<void>;
}

export interface Exploration {
  readonly states: number;
  /** True if the whole space was seen. */
  readonly complete: boolean;
  /** The first broken promise, and the choices that lead to it. */
  readonly broken:
    | { readonly promises: readonly string[]; readonly path: readonly string[] }
    | undefined;
}

export interface ExploreOptions {
  readonly world: () => ExploredWorld;
  readonly statesMax: number;
  /** Leaves out choices, to look deeper at others. */
  readonly without?: RegExp;
  /** Tried first in every state, to get to a situation within few states. */
  readonly start?: readonly string[];
}

export async function explore(options: ExploreOptions): Promise<Exploration> {
  const seen = new Set<string>();
  const queue: string[][] = [[...options.start ?? []]];
  for (let path = queue.shift(); path; path = queue.shift()) {
    const world = await replay(options.world, path);
    const key = world.key();
    if (seen.has(key)) {
      await world.end();
      continue;
    }
    seen.add(key);
    const choices = world.choices().filter((choice) => !options.without?.test(choice));
    if (world.violations.size === 0) await world.rest();
    const promises = [...world.violations];
    await world.end();
    if (promises.length > 0) {
      return { states: seen.size, complete: false, broken: { promises, path } };
    }
    if (seen.size >= options.statesMax) {
      return { states: seen.size, complete: false, broken: undefined };
    }
    for (const choice of choices) queue.push([...path, choice]);
  }
  return { states: seen.size, complete: true, broken: undefined };
}

async function replay(
  make: () => ExploredWorld,
  path: readonly string[],
): Promise<ExploredWorld> {
  const world = make();
  for (const choice of path) await world.apply(choice);
  return world;
}
