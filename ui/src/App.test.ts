import { render, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import App from "./App.svelte";
import type { Commands } from "./ipc/commands";
import { FakeTill } from "./ipc/fake";

describe("the window shows what the till is", () => {
  it.each([
    ["first-run", "screen-setup"],
    ["signin", "screen-signin"],
    ["no-shift", "screen-open-shift"],
    ["empty", "screen-sell"],
  ] as const)("%s: %s", async (scene, testid) => {
    render(App, { commands: new FakeTill(scene).commands() });
    expect(await screen.findByTestId(testid)).toBeInTheDocument();
  });

  it("follows the connection as the shell tells it", async () => {
    const fake = new FakeTill("empty");
    render(App, { commands: fake.commands() });
    const pill = await screen.findByTestId("pill");
    expect(pill).toHaveAttribute("data-online", "true");
    fake.setOnline(false);
    await waitFor(() => expect(pill).toHaveAttribute("data-online", "false"));
    expect(pill).toHaveTextContent("Offline · 3 cards waiting, €84.20 at risk, oldest 4 h");
  });

  it("without a till says so and shows nothing made up", async () => {
    const dead = new Proxy({} as Commands, {
      get: (_, name) =>
        name === "onTillChanged" ? () => () => {} : () => Promise.reject(new Error("no shell here")),
    });
    render(App, { commands: dead });
    expect(await screen.findByTestId("failed")).toHaveTextContent("The till did not answer.");
    expect(screen.queryByTestId("screen-sell")).toBeNull();
  });
});
