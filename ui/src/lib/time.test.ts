import { expect, it } from "vitest";
import { age, clock, countdown, dayAndTime, longDay, roughAge, shortTime, timeOf } from "./time";

it("the hour is the shop's, whatever zone this machine is in", () => {
  expect(timeOf("2026-11-14T11:26:31+01:00")).toBe("11:26");
  expect(timeOf("2026-11-14T11:26:31-08:00")).toBe("11:26");
  expect(dayAndTime("2026-11-14T11:26:31+01:00")).toBe("Sat 14 Nov, 11:26");
  expect(longDay("2026-11-21T20:38:00+01:00")).toBe("Saturday 21 November");
});

it("the clock is the shop's too, and midnight is 00", () => {
  expect(clock(new Date("2026-11-21T04:04:00Z"), "Europe/Amsterdam")).toBe("05:04");
  expect(clock(new Date("2026-11-21T23:04:00Z"), "Europe/Amsterdam")).toBe("00:04");
  const here = new Date(2026, 10, 21, 7, 5);
  expect(clock(here)).toBe("07:05");
  expect(clock(here, "Nowhere/Land")).toBe("07:05");
});

it("an age of hours needs no minutes at a glance", () => {
  const now = new Date("2026-11-21T18:05:00Z");
  const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();
  expect([21, 205, 4320].map((minutes) => roughAge(ago(minutes), now))).toEqual(["21 min", "3 h", "3 days"]);
});

it("yesterday's time carries its day", () => {
  const now = new Date(2026, 10, 21, 18, 5);
  expect(shortTime("2026-11-21T14:40:00+01:00", now)).toBe("14:40");
  expect(shortTime("2026-11-20T18:20:00+01:00", now)).toBe("Fri 18:20");
});

it.each([
  [21, "21 min"],
  [205, "3 h 25 min"],
  [4320, "3 days"],
])("%d minutes old is %s", (minutes, words) => {
  const now = new Date("2026-11-21T18:05:00Z");
  expect(age(new Date(now.getTime() - minutes * 60_000).toISOString(), now)).toBe(words);
});

it("a lock counts down", () => {
  expect(countdown("2026-11-21T08:09:00Z", new Date("2026-11-21T07:54:28Z"))).toBe("14:32");
  expect(countdown("2026-11-21T08:09:00Z", new Date("2026-11-21T09:00:00Z"))).toBe("00:00");
});
