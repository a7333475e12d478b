/**
 * Loaded before each test file in CI: properties then try the same cases every time, so that a failure
 * is about the change. Elsewhere each run tries new ones, and prints the seed of what it finds.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: 20_261_124 });
