// The time of day in the same form as the server's: "4:36 a.m." in English, "04:36" in Spanish.

const language = document.documentElement.lang || undefined;
const halves = { AM: "a.m.", PM: "p.m." };

/** How to write a moment in this time zone; in the device's own where the browser does not know it. */
export function clockIn(timeZone) {
  const options = { hour: language?.startsWith("en") ? "numeric" : "2-digit", minute: "2-digit" };
  const inZone = (zone) => new Intl.DateTimeFormat(language, { ...options, timeZone: zone });
  let times;
  try {
    times = inZone(timeZone);
  } catch {
    times = inZone(undefined);
  }
  const form = ({ type, value }) => (type === "dayPeriod" ? (halves[value.toUpperCase()] ?? value) : value);
  return (moment) => times.formatToParts(moment).map(form).join("");
}
