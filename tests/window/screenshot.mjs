// Draws docs/screenshot.png anew: the sell screen of the sample shop, with a sale on it.
//
//   EVERTILL_APP=target/debug/evertill TZ=Europe/Amsterdam \
//     xvfb-run -a -s "-screen 0 1280x800x24" node tests/window/screenshot.mjs

import { mkdirSync, writeFileSync } from "node:fs";
import { Window, scratch } from "./driver.mjs";

/** EAN-13: the first twelve figures and their check digit. */
function ean(twelve) {
  const sum = [...twelve].reduce((all, figure, i) => all + Number(figure) * (i % 2 ? 3 : 1), 0);
  return twelve + ((10 - (sum % 10)) % 10);
}

const shop = scratch();
const window = await Window.open(shop.folder, "1280x800");
try {
  await window.click("user-Inés Núñez");
  await window.type("1111");
  await window.press("Enter");
  await window.sees("screen-open-shift");
  await window.type("15000");
  await window.press("F9");
  await window.attribute("pill", "data-online", "true");
  const codes = [
    "8700000011014",
    ean("210000200930"), // tomatoes, 0.930 kg
    ean("210001600412"), // cheese, 0.412 kg
    "8400000015059",
    "8400000014243",
    "8400000013017",
  ];
  for (const [i, code] of codes.entries()) {
    await window.scan(code);
    await window.sees(`line-${i}`);
  }
  await window.press("F3");
  await window.sees("customers");
  await window.type("Ana");
  await window.reads("choose-0", /Ana Ortega/);
  await window.press("Enter");
  await window.press("+");
  await window.reads("line-5", /2 ×/);
  mkdirSync("docs", { recursive: true });
  writeFileSync("docs/screenshot.png", await window.png());
} finally {
  await window.close();
  shop.remove();
}
