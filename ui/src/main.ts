import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/app.css";
import "./styles/window.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { tauriCommands, type Commands } from "./ipc/commands";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const dress = (): void => {
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
};
dress();
dark.addEventListener("change", dress);

async function open(): Promise<Commands> {
  // The build drops this branch, and the fake with it, unless it is built with `--mode fake`.
  if (import.meta.env.MODE === "fake") return (await import("./ipc/fake")).fakeFromAddress();
  return tauriCommands();
}

const target = document.getElementById("app");
if (target) void open().then((commands) => mount(App, { target, props: { commands } }));
