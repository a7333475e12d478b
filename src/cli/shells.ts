/** The shells that completions are for, and what their scripts ask. */

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Prints the names of a gateway's models, a line each; not for people, so it is in no help. */
export const MODELS_COMMAND = "models";
