// A day in the real window: `scripts/window-test.sh` builds the application and runs this.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, describe, it } from "node:test";
import { APP, Window, scratch, start, until } from "./driver.mjs";

const GIN = "8700000014374"; // €27.50
const SANCERRE = "3000000014271"; // €16.50

for (const size of ["1280x800", "1024x768"]) {
  describe(`a day at ${size}`, { concurrency: 1 }, () => {
    const shop = scratch();
    let window;
    let receipt;
    let stripe;
    let broken = false;
    after(async () => {
      await window?.close();
      shop.remove();
    });

    // Steps of one day: after one has failed the rest would only repeat it.
    const step = (name, flow) =>
      it(name, async (t) => {
        if (broken) return t.skip("an earlier step failed");
        broken = true;
        await flow(t);
        broken = false;
      });

    step("opens on the sample shop, where somebody signs in", async () => {
      window = await Window.open(shop.folder, size);
      await window.sees("screen-signin");
      assert.deepEqual(await window.picture("01-sign-in"), picture(size));
      await window.click("user-Inés Núñez");
      await window.type("1111");
      await window.press("Enter");
      await window.sees("screen-open-shift");
      await window.type("15000");
      await window.reads("float", sum("150.00"));
      await window.picture("02-open-shift");
      await window.press("F9");
      await window.sees("screen-sell");
    });

    step("finds its Stripe", async () => {
      await window.attribute("pill", "data-online", "true");
      stripe = practiceStripe(shop.folder);
      await stripe.record();
    });

    step("scans two products", async () => {
      await window.press("2", "*");
      await window.scan(GIN);
      await window.sees("line-0");
      await window.scan(SANCERRE);
      await window.sees("line-1");
      await window.reads("total", sum("71.50"));
      await window.press("F3");
      await window.sees("customers");
      await window.type("Ana");
      await window.reads("choose-0", /Ana Ortega/);
      await window.press("Enter");
      await window.reads("customer", /Ana Ortega/);
      await window.picture("03-sell");
    });

    step("goes offline", async () => {
      await window.press("F10");
      await window.click("go-offline");
      await window.attribute("pill", "data-online", "false");
      await window.press("Escape");
      await window.picture("04-offline");
    });

    step("splits cash and saved card, and completes", async () => {
      await window.press("F9");
      await window.sees("screen-tender");
      await window.press(..."4000", "Enter");
      await window.sees("tender-0");
      await window.press("c");
      await window.picture("05-tender");
      await window.press("F9");
      await window.sees("screen-done");
      receipt = /\d+-\d+/.exec(await window.text("receipt-number"))?.[0];
      assert.ok(receipt, "a receipt number is shown");
      await window.reads("not-charged", /31[.,]50/);
      await window.picture("06-done");
    });

    step("shows the queued state", async () => {
      await window.attribute("pill", "data-waiting", "1");
      await window.press("F11");
      await window.sees("screen-outbox");
      await window.reads("at-risk", sum("31.50"));
      await window.picture("07-queued");
    });

    step("goes online, and the card is charged", async () => {
      await window.press("F10");
      await window.click("go-offline");
      await window.attribute("pill", "data-online", "true");
      await window.attribute("pill", "data-waiting", "0");
      await window.press("Escape");
      await window.click("outbox-settled");
      await window.reads("entries", /31[.,]50/);
      await window.picture("08-charged");
      await window.press("Escape");
    });

    step("refunds above the threshold with a wrong and then the right manager PIN", async () => {
      await window.sees("screen-sell");
      await window.press("F6");
      await window.sees("screen-refund");
      await window.scan(receipt);
      await window.sees("refund-line-0");
      await window.press("+");
      await window.press("+");
      await window.press("1");
      await window.reads("refund-total", sum("55.00"));
      await window.picture("09-refund");
      await window.press("F9");
      await window.sees("approval");
      await window.click("manager-Marta Peña");
      await window.type("0000");
      await window.press("Enter");
      await window.reads("pin-wrong", /4 tries left/);
      await window.picture("10-wrong-pin");
      await window.type("9876");
      await window.press("Enter");
      await window.sees("screen-refund-done");
      await window.reads("refunded", sum("55.00"));
      await window.reads("approved-by", /Marta Peña/);
      await window.picture("11-refunded");
      await window.press("Enter");
      await window.attribute("pill", "data-waiting", "0");
    });

    step("closes the shift and finds the Z report's PDF", async () => {
      await window.press("F10");
      await window.click("menu-close");
      await window.sees("screen-count");
      // The float of 150.00, 40.00 in cash, less 23.50 of the refund: the card took 31.50 of it.
      for (const [face, pieces] of [["5000", "3"], ["1000", "1"], ["500", "1"], ["100", "1"], ["50", "1"]]) {
        await window.click(`den-${face}`);
        await window.type(pieces);
      }
      await window.reads("counted", sum("166.50"));
      await window.picture("12-count");
      await window.press("F9");
      await window.reads("difference", sum("0.00"));
      await window.picture("13-compare");
      await window.press("F9");
      await window.sees("screen-z-done");
      await window.picture("14-z");
      const path = /\/\S.*\.pdf/.exec(await window.text("z-pdf"))?.[0];
      assert.ok(path?.startsWith(shop.folder), `the PDF is in the shop's folder: ${path}`);
      assert.equal(readFileSync(path).subarray(0, 5).toString(), "%PDF-");
    });

    step("said to Stripe, and heard, what Stripe publishes", async (t) => {
      const { requests, answers } = await stripe.transcript();
      assert.ok(requests.some((line) => line.startsWith("POST /v1/payment_intents/{intent}/confirm\t")));
      assert.ok(requests.some((line) => line.startsWith("POST /v1/refunds\t")));
      for (const [checker, lines, ...flags] of [
        ["check_form.py", requests],
        ["check_response.py", answers, "--strict"],
      ]) {
        const said = heldAgainst(checker, lines, flags);
        if (said === undefined) t.diagnostic(`skipped: ${checker} (../shared/stripe or jsonschema is not here)`);
        else assert.deepEqual(said, { status: 0, bad: [] }, checker);
      }
    });

    step("lets the page reach the till and nothing else", async () => {
      for (const [command, args] of [
        ["plugin:event|emit", { event: "till-changed", payload: {} }],
        ["plugin:window|close", { label: "main" }],
        ["plugin:app|version", {}],
        ["plugin:path|resolve_directory", { directory: 1 }],
        ["plugin:webview|create_webview_window", { options: { label: "x" } }],
      ]) {
        const { refused } = await window.invoke(command, args);
        assert.match(String(refused), /not allowed|not found/, command);
      }
      const away = await window.wait(`fetch("http://127.0.0.1:9/").then(() => done("went"), () => done("held"))`);
      assert.equal(away, "held");
      await window.run("try { (0, eval)('window.evaluated = true') } catch {}");
      assert.equal(await window.run("return window.evaluated === true"), false, "eval is off");
      const complaints = (await window.complaints()).filter(
        (words) => !words.startsWith("connect-src ") && !words.startsWith("script-src "),
      );
      assert.deepEqual(complaints, []);
    });

    step("refuses a second till on the same folder, in words and out of its reach", async () => {
      const second = start(APP, ["--data", shop.folder]);
      try {
        await until("the second till says why", () => second.said.err.includes("\n"));
        assert.match(second.said.err, /^data_in_use: Another Evertill has this folder open\./m);
      } finally {
        await second.end();
      }
      const notice = await Window.open(shop.folder, size);
      try {
        assert.match(await notice.run("return document.body.innerText"), /has this folder open\. Nothing was changed/);
        assert.match(String((await notice.invoke("boot")).refused), /not found/);
      } finally {
        await notice.close();
      }
    });
  });
}

it("says without a screen why it does not start", async () => {
  const { DISPLAY: _, WAYLAND_DISPLAY: __, ...env } = process.env;
  const till = start(APP, ["--sample", "--data", "/nonexistent"], env);
  assert.deepEqual(await till.ended, { code: 1, signal: null });
  assert.match(till.said.err, /^There is no screen here/);
});

/** A sum as the shop's language writes it. */
function sum(amount) {
  return new RegExp(`^€\\s?${amount.replace(".", "[.,]")}$`);
}

function picture(size) {
  const [width, height] = size.split("x").map(Number);
  return { width, height };
}

/** The Stripe that the sample shop practises with: the log says where it is. */
function practiceStripe(folder) {
  const log = readFileSync(join(folder, "log/evertill.log"), "utf8");
  const url = JSON.parse(log.split("\n").findLast((line) => line.includes("a practice Stripe answers"))).fields.url;
  const control = async (path, body) => {
    const asked = body && { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${url}/_stand_in/${path}`, asked);
    assert.equal(answer.status, 200, path);
    return answer.json();
  };
  return { record: () => control("record", { on: true }), transcript: () => control("transcript") };
}

/** What a checker of Stripe's published schemas says; undefined where there is none. */
function heldAgainst(checker, lines, flags) {
  const script = fileURLToPath(new URL(`../../../shared/stripe/${checker}`, import.meta.url));
  // The system's Python has the system's package, another may stand before it.
  const python = ["python3", "/usr/bin/python3"].find(
    (name) => spawnSync(name, ["-c", "import jsonschema"]).status === 0,
  );
  if (!existsSync(script) || !python) return undefined;
  const { status, stdout } = spawnSync(python, [script, ...flags], {
    input: lines.map((line) => `${line}\n`).join(""),
    encoding: "utf8",
  });
  return { status, bad: stdout.split("\n").filter((line) => line.startsWith("bad")) };
}
