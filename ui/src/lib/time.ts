// Writes times. The till sends RFC 3339 in the shop's zone, so the hour is read from the text and
// never moved to the machine's own zone.

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LONG_MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

interface Wall {
  weekday: number;
  day: number;
  month: number;
  year: number;
  time: string;
}

function wall(at: string): Wall {
  const match = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}:\d{2})/.exec(at);
  if (match && !/[zZ]$/.test(at)) {
    const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
    return {
      year,
      month,
      day,
      time: match[4] ?? "",
      weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay(),
    };
  }
  const date = new Date(at);
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    weekday: date.getDay(),
    time: clock(date),
  };
}

/** "17:42", by the shop's clock where its zone is named. */
export function clock(date: Date, timeZone?: string): string {
  if (timeZone) {
    try {
      return date.toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
    } catch {
      // A zone that this machine does not know: its own is the next best.
    }
  }
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

/** "17:42" */
export function timeOf(at: string): string {
  return wall(at).time;
}

/** "Sat 14 Nov, 11:26" */
export function dayAndTime(at: string): string {
  const { weekday, day, month, time } = wall(at);
  return `${WEEKDAYS[weekday]} ${day} ${MONTHS[month - 1]}, ${time}`;
}

/** "11:26" today, "Sat 11:26" before. */
export function shortTime(at: string, now = new Date()): string {
  const { weekday, day, month, year, time } = wall(at);
  const today = now.getFullYear() === year && now.getMonth() + 1 === month && now.getDate() === day;
  return today ? time : `${WEEKDAYS[weekday]} ${time}`;
}

/** "Saturday 21 November" */
export function longDay(at: string): string {
  const { weekday, day, month } = wall(at);
  return `${LONG_WEEKDAYS[weekday]} ${day} ${LONG_MONTHS[month - 1]}`;
}

/** "3 h 25 min" */
export function age(at: string, now = new Date()): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - new Date(at).getTime()) / 60_000));
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} days`;
}

/** "3 h" */
export function roughAge(at: string, now = new Date()): string {
  return age(at, now).replace(/ h \d+ min$/, " h");
}

const minutesAndSeconds = (seconds: number): string =>
  `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;

/** "14:32" until then. */
export function countdown(until: string, now: Date): string {
  return minutesAndSeconds(Math.max(0, Math.ceil((new Date(until).getTime() - now.getTime()) / 1000)));
}

/** "00:42" since then. */
export function elapsed(since: Date, now: Date): string {
  return minutesAndSeconds(Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000)));
}
