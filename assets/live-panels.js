// Header, banner, tiles and the panels beside the charts.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const BUDGET_US = 30, RECOVERY_SHOWN_MS = 60000;
  const id = (what) => "overview-" + what;

  function header() {
    const { tree } = A.live, engine = tree.engine, lost = A.live.lost();
    const word = lost ? "LOST" : A.live.stale() ? (tree.link.word === "STALE" ? "STALE" : "DOWN") : engine.state;
    const mode = engine ? engine.mode : null;
    A.text("head-mode", mode || A.DASH);
    A.byId("shell").dataset.mode = mode || "";
    A.text("head-instance", engine ? engine.instance : A.DASH);
    A.state(A.byId("head-state"), word, word === "LOST" ? "dashboard lost" : undefined);
    const since = lost ? A.live.receivedMs : A.live.stale() ? tree.link.since : engine.since;
    A.text("head-since", "since " + A.moment(since));
    A.text("head-beat", "beat " + A.age(A.live.ageS()) + (A.live.stale() ? " old" : ""));
    A.css(A.byId("head-beat"), "soft num" + (A.live.stale() ? " old" : ""));
    const alarms = engine ? engine.alarms : null;
    A.text("head-alarms", (alarms ? "▲ " : "") + "alarms " + A.count(alarms));
    A.css(A.byId("head-alarms"), alarms ? "c-attention" : "soft");
    A.text("head-clock", A.clock(A.now()) + " UTC");
    A.byId("shell").classList.toggle("is-stale", A.live.stale());
  }

  function troubles() {
    const { tree } = A.live, engine = tree.engine, list = [];
    const add = (look, text, action) => list.push({ look, text, action });
    if (A.live.lost())
      add("critical", "This page lost the dashboard " + A.age((A.now() - A.live.receivedMs) / 1000) +
        " ago; the engine may still trade. On its machine, “arbdeck kill” stops it.");
    else if (tree.link && tree.link.word !== "OK") {
      const what = { DOWN: "Engine down", STALE: "Engine does not move", MISMATCH: "Engine of another build" };
      add("critical", (engine ? what[tree.link.word] : "No engine yet, looked") + " since " +
        A.moment(tree.link.since) + " UTC: " + tree.link.reason + (engine ? ". Figures are the last ones seen." : ""));
    }
    if (!engine) return list;
    if (engine.state === "KILLED")
      add("critical", "Killed " + A.moment(engine.killed, true) + " UTC" + (engine.kill_ms !== null ?
        ", last order byte " + engine.kill_ms.toFixed(1) + " ms after the command" : "") + ". Open pairs " +
        engine.open_pairs + ". " + engine.reason, "clear-kill");
    for (const item of tree.exposures || [])
      if (item.state === "OPEN" || item.state === "UNKNOWN")
        add("critical", "One leg open: " + exposureText(item));
    for (const alarm of tree.alarms || [])
      if (!alarm.acked) add(alarm.severity === "CRITICAL" ? "critical" : "attention", alarm.text);
    if (engine.state === "HALTED")
      add("attention", "Halted: no new arbitrage. " + (engine.reason || "Arm to trade."), "arm");
    if (engine.state === "REDUCING") add("attention", "Reducing: only what shrinks the residual. " + engine.reason, "resume");
    if (engine.state === "STARTING") add("attention", "Starting: recovering and connecting. " + engine.reason);
    for (const [name, venue] of Object.entries(tree.venues || {}))
      if (venue.state !== "UP" && venue.state !== "OFF")
        add("attention", A.label(name) + " is " + venue.state + ": " + (venue.reason || "no reason given"));
    for (const [name, strategy] of Object.entries(tree.strategies || {}))
      if (strategy.state === "DISABLED") add("attention", name + " is disabled: " + strategy.reason);
    const back = tree.recovered;
    if (back && !A.live.stale() && A.now() - back.to < RECOVERY_SHOWN_MS)
      add("normal", "Engine back at " + A.moment(back.to) + " UTC after " + A.age((back.to - back.from) / 1000) +
        (back.restarted ? ": restarted as generation " + engine.generation + ", recovered in " +
          A.age(engine.recovery_s) : "") + ". It was: " + back.reason);
    const rank = { critical: 0, attention: 1, normal: 2 };
    return list.sort((a, b) => rank[a.look] - rank[b.look]);
  }

  function banner() {
    const list = troubles(), first = list[0];
    A.show("banner", Boolean(first));
    if (!first) return;
    A.css(A.byId("banner"), "banner k-" + first.look);
    A.text("banner-shape", A.shape(first.look));
    A.text("banner-text", first.text);
    A.text("banner-more", list.length > 1 ? "+" + (list.length - 1) + " more" : "");
    A.actions.bannerAction(first.action);
  }

  function tile(name, value, line, look) {
    A.text(id(name + "-value"), value);
    A.css(A.byId(id(name + "-value")), "tile-value" + (look ? " c-" + look : ""));
    A.text(id(name + "-line"), line);
  }

  function sparkline(node) {
    const points = A.live.curve.fine.slice(-300);
    if (!node || points.length < 2) return;
    const svg = node.firstElementChild || node.appendChild(A.svg("svg", { viewBox: "0 0 60 20", class: "spark" }));
    const line = svg.firstElementChild || svg.appendChild(A.svg("polyline", { fill: "none", "stroke-width": "1.5" }));
    const values = points.map((p) => p[1]), low = Math.min(...values), high = Math.max(...values);
    const scale = high > low ? 17 / (high - low) : 0;
    line.setAttribute("points", values.map((v, i) =>
      ((i * 60) / (values.length - 1)).toFixed(1) + "," + (18.5 - (v - low) * scale).toFixed(1)).join(" "));
  }
  A.svg = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  function tiles() {
    const { tree } = A.live, pnl = tree.pnl, engine = tree.engine;
    if (!pnl || !engine) return;
    const sign = pnl.today > 0 ? "up" : pnl.today < 0 ? "down" : "";
    tile("pnl", A.signed(pnl.today, 2) + " USD", A.count(pnl.trades) + (pnl.trades === 1 ? " trade" : " trades") + ", fees " +
      A.number(pnl.fees, pnl.fees < 10000 ? 2 : 0) + ", hedges " + A.number(pnl.hedge_cost, 2), sign);
    sparkline(A.byId(id("pnl-mark")));
    const limit = (tree.limits || {}).unhedged_usd;
    tile("unhedged", A.number(pnl.unhedged, 2) + " USD", pnl.unhedged > 0
      ? "for " + A.age((A.now() - pnl.unhedged_since) / 1000) + ", limit " + A.number(limit, 0)
      : "flat, limit " + A.number(limit, 0) + " USD", pnl.unhedged > 0 ? "attention" : "");
    A.bar(A.byId(id("unhedged-mark")), limit ? pnl.unhedged / limit : null, pnl.unhedged > 0 ? "attention" : "normal");
    const hour = (tree.funnel || {})["1h"];
    if (hour) tile("taken", A.count(hour.taken) + " / " + A.count(hour.gaps), "pairs filled " +
      A.count(hour.both) + " of " + A.count(hour.pairs) + (hour.span < 3500 ? ", in " + A.age(hour.span) : ""));
    const stage = (tree.latency || {}).TICK_TO_ORDER || [];
    const slow = A.known(stage[2]) && stage[2] > BUDGET_US;
    tile("latency", A.micros(stage[1]), "p99 " + A.micros(stage[2]) + ", budget " + BUDGET_US + " µs",
      slow ? "attention" : "");
    A.bar(A.byId(id("latency-mark")), A.known(stage[2]) ? stage[2] / BUDGET_US : null, slow ? "attention" : "normal");
    const venues = Object.values(tree.venues || {}), up = venues.filter((v) => v.state === "UP").length;
    tile("venues", up + " of " + venues.length + " up", "oldest data " +
      A.age(Math.max(0, ...venues.map((v) => v.age ?? 0)) + A.live.extraS()), up < venues.length ? "attention" : "");
    tile("capital", A.number(pnl.in_use, 0) + " USD", "of " + A.number(pnl.equity, 0) + " USD equity");
    A.bar(A.byId(id("capital-mark")), pnl.equity > 0 ? pnl.in_use / pnl.equity : null, "normal");
  }

  function sentence() {
    const { tree } = A.live, engine = tree.engine;
    const strategies = Object.entries(tree.strategies || {});
    if (A.live.stale()) return "Not known: the engine's figures have stopped.";
    if (engine.state !== "ACTIVE") return "The engine is " + engine.state + ". " + (engine.reason || "");
    const halted = strategies.filter(([, s]) => s.state !== "RUNNING");
    if (strategies.length && halted.length === strategies.length)
      return halted[0][0] + " is " + A.words(halted[0][1].state) + ". Start it to trade " +
        (engine.mode === "SIM" ? "invented money." : engine.mode + " money.");
    const best = strategies.map(([, s]) => s.best).filter(Boolean).sort((a, b) => b.net - a.net)[0];
    if (!best) return "No pair of fresh quotes to compare yet.";
    const parts = "Best now " + A.figure(best.gross, 1) + " bps gross, " + best.symbol + ", buy " +
      A.label(best.buy) + ", sell " + A.label(best.sell) + "; ";
    const hour = (tree.funnel || {})["1h"];
    const none = engine.mode === "SIM" && hour && hour.taken === 0
      ? " No gap above your fees yet; the invented market makes one about every 20 s." : "";
    return parts + (best.gross < best.need ? "your fees need " : "it clears the ") + A.figure(best.need, 1) +
      (best.gross < best.need ? "." : " that fees need.") + none;
  }

  const STEPS = [["quotes", "quotes compared"], ["gaps", "gaps above fees"], ["taken", "gaps taken after risk"],
    ["pairs", "order pairs sent"], ["both", "pairs filled on both legs"]];

  function why() {
    const { tree } = A.live;
    A.text(id("why-sentence"), sentence());
    const five = (tree.funnel || {})["5m"], hour = (tree.funnel || {})["1h"];
    if (!five || !hour) return;
    A.rows(A.byId(id("funnel")), ["head", ...STEPS.map((s) => s[0])], (key) => {
      const row = A.el("div", "funnel-row" + (key === "head" ? " soft" : ""));
      row.append(A.el("span", "funnel-name"), A.el("span", "num"), A.el("span", "num"));
      return row;
    }, (row, key) => {
      const [name, left, right] = row.children;
      const covered = (item, full) => (item.span < full * 0.9 ? A.age(item.span) : full === 300 ? "5 min" : "1 h");
      A.text(name, key === "head" ? "" : STEPS.find((s) => s[0] === key)[1]);
      A.text(left, key === "head" ? covered(five, 300) : A.count(five[key]));
      A.text(right, key === "head" ? covered(hour, 3600) : A.count(hour[key]));
    });
    const reasons = hour.top.map(([name, count]) => A.words(name) + " " + A.count(count));
    A.text(id("reasons"), reasons.length ? "Refused by: " + reasons.join(", ") : "No control refused anything.");
  }

  function latency() {
    const stages = A.live.tree.latency || {}, main = stages.TICK_TO_ORDER || [];
    A.text(id("hist-line"), A.count(main[0]) + " orders · p50 " + A.micros(main[1]) + " · p99 " + A.micros(main[2]) +
      " · p99.9 " + A.micros(main[3]) + " · max " + A.micros(main[4]));
  }

  const exposureText = (item) => item.symbol + " " + A.signed(item.qty, 5) + ", " + A.number(item.usd, 2) +
    " USD, bought on " + A.label(item.buy) + ", sold on " + A.label(item.sell) + ", " + A.words(item.state) +
    " for " + A.age((A.now() - item.since) / 1000) + ", " + item.hedges + " hedges tried";

  function exposure() {
    const { tree } = A.live, exposures = tree.exposures || [], alarms = (tree.alarms || []).filter((a) => !a.acked);
    const items = new Map([...exposures.map((e) => ["e" + e.pair, e]), ...alarms.slice(0, 5).map((a) => ["a" + a.id, a])]);
    const box = A.byId(id("exposure-rows"));
    if (!items.size) {
      A.notice(box, !tree.exposures ? "" : A.live.stale()
        ? "Last seen flat, no open alarm; not known now." : "Flat: nothing is unhedged. No open alarm.");
      return;
    }
    A.rows(box, [...items.keys()], (key) => {
      const row = A.el("div", "row alarm-row");
      row.append(A.el("span", "state"), A.el("span", "row-text"));
      if (key[0] === "a") {
        const button = row.appendChild(A.el("button", "quiet", "Acknowledge"));
        button.addEventListener("click", () => A.actions.acknowledge(items.get(key).id, button));
      }
      return row;
    }, (row, key) => {
      const item = items.get(key);
      A.state(row.children[0], key[0] === "a" ? item.severity : item.state, " ");
      A.text(row.children[1], key[0] === "a" ? item.text + " (" + A.moment(item.raised) + (item.count > 1 ?
        ", " + item.count + " times" : "") + ")" : exposureText(item));
    });
  }

  function ages() {
    const stale = A.live.stale(), text = A.age(A.live.ageS()) + (stale ? " old" : "");
    for (const name of ["curve", "why", "hist", "scatter", "venue", "strategy", "exposure", "quotes", "balances",
      "stages", "opportunities", "orders", "fills"]) {
      const node = A.byId(id(name + "-age"));
      A.text(node, text);
      A.css(node, "age num" + (stale ? " old" : ""));
    }
  }

  A.panels = {
    fast() { if (A.live.tree.link) { header(); banner(); ages(); } },
    slow() {
      if (!A.live.tree.engine) return;
      tiles(); why(); latency(); exposure();
    },
  };
})();
