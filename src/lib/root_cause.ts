/** The words of the error that is behind all others: the outer ones often say only that one failed. */
export function rootCause(error: unknown): string {
  let reason = "";
  for (let cause = error; cause instanceof Error; cause = cause.cause) reason = cause.message;
  return reason;
}
