/** Waiting for what happens elsewhere, in a process or behind a socket, without a fixed sleep. */

/** Resolves once `condition` holds; rejects, naming it, if it does not within the deadline. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const giveUpMs = performance.now() + deadlineMs;
  while (!await condition()) {
    if (performance.now() > giveUpMs) throw new Error(`Not within ${deadlineMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
