/** Numbers as people read them; pure. */

/** `45s`, `4m 05s`, `2h 14m`, `3d 4h`: the two largest units. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  const [d, h, m, s] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  if (d > 0) return `${d}d ${h}h`;
  if (h > 0) return `${h}h ${pad(m)}m`;
  return `${m}m ${pad(s)}s`;
}

/** The same for what nobody counts: `45s`, `4m`, `2h 14m`, `3d 4h`. */
export function about(seconds) {
  return seconds >= 60 && seconds < 3_600 ? `${Math.floor(seconds / 60)}m` : span(seconds);
}

/** How long ago, roughly: `45s`, `4m`, `2h`, `3d`. */
export function roughly(seconds) {
  return about(seconds).split(" ")[0];
}

/** How long something took: `0.8s`, `12.3s`, then as `span`. */
export function took(seconds) {
  return seconds < 60 ? `${seconds.toFixed(1)}s` : span(seconds);
}

/** Seconds of GPUs as hours: `0.4`, `12.0`, `1,204`. */
export function hours(seconds) {
  const value = seconds / 3_600;
  const digits = value < 1_000 ? 1 : 0;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The time of day, with the date if that is not today's. */
export function timeOf(ms, nowMs = Date.now()) {
  const date = new Date(ms);
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  const isToday = date.toDateString() === new Date(nowMs).toDateString();
  return isToday
    ? time
    : `${date.toLocaleDateString("en", { day: "numeric", month: "short" })} ${time}`;
}

/** The same to the second. */
export function exactTimeOf(ms, nowMs = Date.now()) {
  return `${timeOf(ms, nowMs)}:${pad(new Date(ms).getSeconds())}`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function pad(number) {
  return String(number).padStart(2, "0");
}
