/** Several sides of one measurement, in turn: a slow minute of the machine is one for all of them. */

/** The first round is for the compiler, and not kept; each other one goes the other way round. */
export async function inTurns<Side>(
  sides: readonly Side[],
  rounds: number,
  ask: (side: Side, isKept: boolean) => Promise<void>,
): Promise<void> {
  for (const side of sides) await ask(side, false);
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 ? sides.toReversed() : sides) await ask(side, true);
  }
}
