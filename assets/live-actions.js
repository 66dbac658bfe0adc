// Everything that acts: one POST each with an idempotency key; the engine's own answer is shown, never our guess.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const API = "/api/v2/engine/", DEADLINE_MS = 8000, ANSWER_SHOWN_MS = 20000;
  const answers = new Map();
  let confirmRun = null;

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // Returns {ok, text}; never throws. The same key again asks for the first answer.
  async function post(path, body, key) {
    const abort = new AbortController(), timer = setTimeout(() => abort.abort(), DEADLINE_MS);
    try {
      const response = await fetch(path[0] === "/" ? path : API + path, {
        method: "POST", signal: abort.signal, body: JSON.stringify(body || {}),
        headers: { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": key },
      });
      if (response.status === 401) {
        location.assign("/login");
        return { ok: false, text: "Signed out: sign in again. Nothing was sent." };
      }
      const answer = await response.json();
      if (response.ok) return { ok: true, text: answer.data.message + " (" + answer.data.status + ")" };
      return { ok: false, text: answer.error.code + ": " + answer.error.message, again: response.status === 504 };
    } catch (error) {
      return abort.signal.aborted
        ? { ok: false, again: true, text: "No answer within 8 s: it may or may not have been done." }
        : { ok: false, again: true, text: "The dashboard does not answer: it may or may not have been done." };
    } finally {
      clearTimeout(timer);
    }
  }

  function toast(what, result, retry) {
    const node = A.el("div", "toast " + (result.ok ? "k-normal" : "k-critical"));
    node.append(A.el("span", "shape", A.shape(result.ok ? "normal" : "critical")),
      A.el("span", "", what + ": " + result.text + " " + A.clock(A.now(), true) + " UTC"));
    if (result.again && retry) {
      const button = node.appendChild(A.el("button", "quiet small", "Ask again"));
      button.addEventListener("click", () => { node.remove(); retry(); });
    }
    const close = node.appendChild(A.el("button", "quiet small", "×"));
    close.setAttribute("aria-label", "Close this answer");
    close.addEventListener("click", () => node.remove());
    A.byId("answers").appendChild(node);
    if (result.ok) setTimeout(() => node.remove(), ANSWER_SHOWN_MS);
  }

  // `button` is disabled only while the request is in flight.
  async function run(what, path, body, button, place) {
    const key = newKey();
    const once = async () => {
      if (button) button.disabled = true;
      const result = await post(path, body, key);
      if (button) button.disabled = false;
      if (place) answers.set(place, { text: (result.ok ? "" : "Refused: ") + result.text, at: Date.now() });
      toast(what, result, once);
      return result;
    };
    return once();
  }

  function confirm(options) {
    const dialog = A.byId("confirm-dialog"), holder = A.byId("confirm-field");
    A.text("confirm-title", options.title);
    A.text("confirm-text", options.text);
    A.text("confirm-answer", "");
    A.text("confirm-do", options.verb);
    A.css(A.byId("confirm-do"), options.css || "primary");
    let field = holder.firstElementChild;
    if (!field) {
      field = holder.appendChild(A.el("input"));
      field.id = "confirm-input";
      field.autocomplete = "off";
      field.addEventListener("keydown", (event) => { if (event.key === "Enter") A.byId("confirm-do").click(); });
    }
    field.value = "";
    A.show("confirm-typed", Boolean(options.typed));
    A.text("confirm-label", options.typed ? "Type " + options.typed + " to confirm" : "");
    confirmRun = () => {
      if (options.typed && field.value !== options.typed) {
        A.text("confirm-answer", "That is not " + options.typed + ". Nothing was sent.");
        return;
      }
      dialog.close();
      options.run();
    };
    dialog.showModal();
    (options.typed ? field : A.byId("confirm-do")).focus();
  }

  // A risky command carries the state this page showed; an old one is refused by the engine.
  const seen = (extra) => {
    const engine = A.live.tree.engine;
    return { ...(engine ? { state_version: engine.state_version, config_hash: engine.config_hash } : {}), ...extra };
  };
  const money = () => {
    const mode = (A.live.tree.engine || {}).mode;
    return mode === "SIM" ? "It trades invented money." : "It trades " + mode + " money.";
  };
  const risky = () => ((A.live.tree.engine || {}).mode === "LIVE" ? A.live.tree.engine.instance : null);

  function killFacts() {
    const { tree } = A.live, engine = tree.engine, pnl = tree.pnl, list = A.byId("kill-facts");
    const running = Object.entries(tree.strategies || {}).filter(([, s]) => s.state === "RUNNING").map(([n]) => n);
    const facts = engine ? [
      "Mode " + engine.mode + ", instance " + engine.instance + ", " + engine.state + ".",
      "Stops: " + (running.length ? running.join(", ") : Object.keys(tree.strategies || {}).length ? "no strategy is running" : "all strategies") + "; no new arbitrage until the latch is cleared.",
      "Open pairs now: " + engine.open_pairs + ".",
      "Stays unhedged: " + A.number(pnl ? pnl.unhedged : null, 2) + " USD; killing does not sell it.",
    ] : ["The engine's state is not known here; the command is tried all the same."];
    if (A.live.stale()) facts.push("These figures are " + A.age(A.live.ageS()) + " old. If no answer comes: “arbdeck kill” on the engine's machine.");
    list.replaceChildren(...facts.map((text) => A.el("li", "", text)));
  }

  function openKill() {
    const dialog = A.byId("kill-dialog");
    if (dialog.open) return;
    killFacts();
    A.text("kill-answer", "");
    dialog.showModal();
    A.byId("kill-confirm").focus();
  }

  async function doKill() {
    const button = A.byId("kill-confirm");
    if (button.disabled) return;
    A.text("kill-answer", "Killing ...");
    const result = await run("Kill", "kill", { reason: "KILL pressed on the page" }, button);
    A.text("kill-answer", (result.ok ? "Killed. " : "Not confirmed. ") + result.text +
      (result.ok ? "" : " On the engine's machine: arbdeck kill"));
  }

  const ENGINE_ACTIONS = {
    pause: { verb: "Pause all", path: "pause", text: "No new arbitrage in any strategy; hedges go on.", safe: true },
    "reduce-only": { verb: "Reduce only", path: "reduce-only", text: "Only what shrinks the residual; nothing new.", safe: true },
    resume: { verb: "Resume", path: "resume", text: "New arbitrage from now on." },
    arm: { verb: "Arm", path: "arm", text: "HALTED to ACTIVE: strategies that are running may trade.", confirms: "live" },
    "clear-kill": { verb: "Clear kill", path: "clear-kill", text: "Takes the latch off; the engine is then HALTED until armed.", confirms: "always" },
  };
  const OFFERED = { ACTIVE: ["pause", "reduce-only"], HALTED: ["arm", "resume"], REDUCING: ["pause", "resume"], KILLED: ["clear-kill"] };

  function engineAction(name) {
    const action = ENGINE_ACTIONS[name], engine = A.live.tree.engine;
    if (!engine) return;
    const typed = action.confirms === "always" ? engine.instance : action.safe ? null : risky();
    const extra = action.confirms ? { confirm: engine.instance } : {};
    const body = action.safe ? {} : seen(extra);
    confirm({
      title: action.verb + ": " + engine.instance + " (" + engine.mode + ")", text: action.text, typed,
      verb: action.verb, run: () => run(action.verb, action.path, body, null),
    });
  }

  A.actions = {
    confirm, toast, newKey, risky,
    answerOf(place) {
      const answer = answers.get(place);
      return answer && Date.now() - answer.at < ANSWER_SHOWN_MS ? answer.text : "";
    },
    strategy(name, button) {
      const item = A.live.tree.strategies[name], running = item.state === "RUNNING";
      const path = "strategy/" + encodeURIComponent(name) + (running ? "/stop" : "/start");
      confirm({
        title: (running ? "Stop " : "Start ") + name + "?", verb: (running ? "Stop " : "Start ") + name,
        text: running ? "No new arbitrage by " + name + ". Orders already sent are still followed and hedged." : money(),
        typed: running ? null : risky(),
        run: () => run((running ? "Stop " : "Start ") + name, path, running ? {} : seen(), button, "strategy " + name),
      });
    },
    venue(name, button) {
      const off = A.live.tree.venues[name].state === "OFF", verb = (off ? "Switch on " : "Switch off ") + A.label(name);
      confirm({
        title: verb + "?", verb, typed: off ? risky() : null,
        text: off ? "Orders may be sent there again." : "No new orders there; its open orders are still followed.",
        run: () => run(verb, "venue/" + encodeURIComponent(name) + (off ? "/on" : "/off"), off ? seen() : {}, button),
      });
    },
    acknowledge(alarm, button) {
      run("Acknowledge alarm " + alarm, "alarms/" + alarm + "/ack", {}, button);
    },
    bannerAction(name) {
      A.rows(A.byId("banner-action"), name ? [name] : [], (key) => {
        const button = A.el("button", "quiet small", ENGINE_ACTIONS[key].verb);
        button.addEventListener("click", () => engineAction(key));
        return button;
      }, () => undefined);
    },
    draw() {
      const engine = A.live.tree.engine;
      A.rows(A.byId("overview-engine-actions"), (engine && OFFERED[engine.state]) || [], (key) => {
        const button = A.el("button", "quiet small", ENGINE_ACTIONS[key].verb);
        button.addEventListener("click", () => engineAction(key));
        return button;
      }, () => undefined);
    },
    bind() {
      A.byId("kill-button").addEventListener("click", openKill);
      A.byId("phone-kill").addEventListener("click", openKill);
      A.byId("phone-pause").addEventListener("click", () => engineAction("pause"));
      A.byId("kill-confirm").addEventListener("click", doKill);
      A.byId("kill-close").addEventListener("click", () => A.byId("kill-dialog").close());
      A.byId("confirm-close").addEventListener("click", () => A.byId("confirm-dialog").close());
      A.byId("confirm-do").addEventListener("click", () => confirmRun && confirmRun());
      A.byId("sign-out-button").addEventListener("click", async () => {
        await fetch("/logout", { method: "POST", redirect: "manual" }).catch(() => null);
        location.assign("/login");
      });
      document.addEventListener("keydown", (event) => {
        if (!event.altKey || event.code !== "KeyK") return;
        event.preventDefault();
        if (event.repeat) return;
        if (A.byId("kill-dialog").open) doKill();
        else openKill();
      });
    },
  };
})();
