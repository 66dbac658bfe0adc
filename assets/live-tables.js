// Rows: venues, strategies, top of book, balances, and the last opportunities, orders and fills.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const id = (what) => "overview-" + what;
  const ROWS_MAX = 20;

  function venues() {
    const all = A.live.tree.venues || {};
    A.rows(A.byId(id("venue-rows")), Object.keys(all), (name) => {
      const row = A.el("div", "row venue-row");
      const main = row.appendChild(A.el("div", "row-main"));
      main.append(A.el("span", "name", A.label(name)), A.el("span", "state"), A.el("span", "num figure"));
      row.appendChild(A.el("div", "row-sub"));
      const rate = row.appendChild(A.el("div", "rate"));
      rate.title = "Rate budget used";
      const button = row.appendChild(A.el("button", "quiet small"));
      button.addEventListener("click", () => A.actions.venue(name, button));
      return row;
    }, (row, name) => {
      const venue = all[name], age = A.known(venue.age) ? venue.age + A.live.extraS() : null;
      const [main, sub, rate, button] = row.children;
      A.state(main.children[1], A.live.stale() ? "UNKNOWN" : venue.state,
        A.live.stale() ? "was " + venue.state : venue.state);
      A.text(main.children[2], "data " + A.age(age) + (venue.state === "STALE" ? " old" : ""));
      A.css(main.children[2], "num figure" + (venue.state === "UP" && !A.live.stale() ? "" : " old"));
      const rateText = A.known(venue.rate_limit) && venue.rate_limit > 0
        ? ", rate " + venue.rate_used + "/" + venue.rate_limit : "";
      A.text(sub, (venue.reason ? venue.reason + " · " : "") + "ack " + A.micros(venue.ack_p50) +
        " p50 " + A.micros(venue.ack_p99) + " p99 · clock " + (A.known(venue.offset_ms)
          ? A.signed(venue.offset_ms, 1) + " ms" : A.DASH) + " · gaps " + A.count(venue.gaps) + rateText +
        (venue.feeds[0] < venue.feeds[1] ? " · feeds " + venue.feeds[0] + "/" + venue.feeds[1] : "") +
        (venue.unknown ? " · unknown orders " + venue.unknown : ""));
      A.bar(rate, venue.rate_limit ? venue.rate_used / venue.rate_limit : null, "normal");
      const off = venue.state === "OFF";
      A.text(button, off ? "Switch on" : "Switch off");
      button.setAttribute("aria-label", (off ? "Switch on " : "Switch off ") + A.label(name));
    });
  }

  function strategies() {
    const { tree } = A.live, all = tree.strategies || {};
    A.rows(A.byId(id("strategy-rows")), Object.keys(all), (name) => {
      const row = A.el("div", "row strategy-row");
      row.append(A.el("span", "name", name), A.el("span", "state"), A.el("span", "num soft"), A.el("span", "num"));
      const button = row.appendChild(A.el("button", "primary"));
      button.addEventListener("click", () => A.actions.strategy(name, button));
      row.appendChild(A.el("div", "row-sub row-answer"));
      return row;
    }, (row, name) => {
      const item = all[name], [, state, counts, pnl, button, sub] = row.children;
      const running = item.state === "RUNNING";
      A.state(state, A.live.stale() ? "UNKNOWN" : item.state, A.live.stale() ? "was " + item.state : item.state);
      A.text(counts, A.count(item.taken) + " taken of " + A.count(item.seen) + " seen");
      A.text(pnl, A.signed(item.pnl, 2) + " USD");
      A.css(pnl, "num figure c-" + (item.pnl > 0 ? "up" : item.pnl < 0 ? "down" : "none"));
      if (!button.disabled) {
        A.text(button, (running ? "Stop " : "Start ") + name);
        A.css(button, running ? "quiet" : "primary");
      }
      const answer = A.actions.answerOf("strategy " + name);
      A.text(sub, answer || (running ? "since " + A.moment(item.since) + " UTC" :
        (item.reason || "stopped by a person") + ", since " + A.moment(item.since) + " UTC"));
    });
  }

  function grid(box, head, keys, cellsOf) {
    if (!box) return;
    let table = box.querySelector("table");
    if (!table) {
      table = A.el("table");
      table.append(A.el("thead"), A.el("tbody"));
      box.replaceChildren(table);
    }
    A.rows(table.tHead, ["h" + head.length], () => {
      const row = A.el("tr");
      head.forEach((text, index) => {
        const cell = row.appendChild(A.el("th", index ? "num" : "", text));
        cell.scope = "col";
      });
      return row;
    }, () => undefined);
    A.rows(table.tBodies[0], keys, () => A.el("tr"), (row, key) => {
      const cells = cellsOf(key);
      while (row.children.length < cells.length) row.appendChild(A.el("td", row.children.length ? "num" : "name"));
      cells.forEach(([text, css], index) => {
        A.text(row.children[index], text);
        A.css(row.children[index], (index ? "num" : "name") + (css ? " " + css : ""));
      });
    });
  }

  // Of many symbols or assets the server sends those to look at: which, and out of how many. Rows that it no longer sends
  // stay in this page's copy of the tree, so only the names it lists are drawn.
  function shown(section, of) {
    const all = A.live.tree[section] || {}, note = (A.live.tree.shown || {})[section] || { names: [], of: 0 };
    const names = note.names.filter((name) => all[name]);
    A.text(A.byId(id(section + "-note")), names.length < note.of ? names.length + " of " + A.count(note.of) + " " + of : "");
    return names;
  }

  function quotes() {
    const all = A.live.tree.quotes || {}, names = Object.keys(A.live.tree.venues || {});
    const pairs = shown("quotes", "symbols: open exposures, then widest gaps").flatMap((symbol) => names.filter((v) => all[symbol][v]).map((v) => symbol + " " + v));
    grid(A.byId(id("quote-rows")), ["Symbol, venue", "Bid size", "Bid", "Ask", "Ask size", "Spread bps", "Age"],
      pairs, (key) => {
        const [symbol, venue] = key.split(" "), [bid, bidSize, ask, askSize, age, crossed] = all[symbol][venue];
        const spread = bid && ask ? ((ask - bid) / ((ask + bid) / 2)) * 1e4 : null;
        const seconds = A.known(age) ? age + A.live.extraS() : null, old = seconds === null || seconds > 2 ? "old" : "";
        return [[symbol + " · " + A.label(venue)], [A.plain(bidSize), old], [A.plain(bid), old], [A.plain(ask), old],
          [A.plain(askSize), old], [(crossed ? "▲ crossed " : "") + A.figure(spread, 1), old], [A.age(seconds), old]];
      });
  }

  function balances() {
    const all = A.live.tree.balances || {}, names = Object.keys(A.live.tree.venues || {});
    grid(A.byId(id("balance-rows")), ["Asset, venue", "Owned", "Reserved", "Venue says"],
      shown("balances", "assets: differences first").flatMap((asset) => names.filter((v) => all[asset][v]).map((v) => asset + " " + v)), (key) => {
        const [asset, venue] = key.split(" "), [total, reserved, said] = all[asset][venue];
        const off = A.known(said) && Math.abs(said - total) > 1e-6 * Math.max(1, Math.abs(total));
        return [[asset + " · " + A.label(venue)], [A.plain(total, 8)], [A.plain(reserved, 8)],
          [(off ? "▲ " : "") + A.plain(said, 8), off ? "c-attention" : ""]];
      });
  }

  // In the order in which a message meets them; the venues' answers follow.
  const STAGES = ["RECEIVE", "DECRYPT", "FRAME", "DECODE", "HOP", "BOOK", "DETECT", "RISK", "DECIDE", "ENCODE", "SEND",
    "TICK_TO_ORDER", "TICK_TO_WIRE", "JOURNAL", "LOOP"];
  const PARTS = new Set(STAGES.slice(0, 11)), BAR_CELLS = 24;
  const micros = (value) => A.known(value) ? A.figure(value, value < 10 ? 2 : value < 100 ? 1 : 0) : A.DASH;

  // Each part of the way from price to order as a bar: its median beside that of the whole way.
  function stages() {
    const all = A.live.tree.latency || {}, whole = (all.TICK_TO_WIRE || [])[1];
    const keys = Object.keys(all).filter((name) => all[name][0] > 0);
    const place = (name) => { const at = STAGES.indexOf(name); return at < 0 ? STAGES.length : at; };
    keys.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
    grid(A.byId(id("stage-rows")), ["Stage", "Median of the whole way", "Count", "p50", "p99", "p99.9", "Max"], keys, (name) => {
      const [count, p50, p99, p999, max] = all[name];
      const cells = PARTS.has(name) && whole > 0 ? Math.min(BAR_CELLS, Math.ceil((p50 / whole) * BAR_CELLS)) : 0;
      return [[A.words(name)], ["\u2587".repeat(cells), "bar-text"], [A.count(count)], [micros(p50)], [micros(p99)],
        [micros(p999)], [micros(max)]];
    });
  }

  const outcome = (word) => A.shape(A.look(word)) + " " + A.words(word);
  const OPPORTUNITY = (r) => [[A.moment(r[0], true)], [r[1]], [A.label(r[2])], [A.label(r[3])],
    [A.figure(r[4], 1), "num"], [A.figure(r[5], 1), "num"], [A.number(r[6], 2), "num"],
    [outcome(r[7]), "c-" + A.look(r[7])],
    [A.signed(r[9], 4), "num c-" + (r[9] > 0 ? "up" : r[9] < 0 ? "down" : "none")], [r[7] === "BOTH" || r[7] === "SENT" ? "" : r[8] || "", "reason"]];
  const LEGS = ["buy leg", "sell leg"];
  const ORDER = (r) => [[A.moment(r[0], true)], [r[1]], [A.label(r[2])], [r[3]], [LEGS[r[4]] || "hedge " + (r[4] - 1)],
    [A.plain(r[5]), "num"], [A.plain(r[6]), "num"], [A.plain(r[7]), "num"], [outcome(r[8]), "c-" + A.look(r[8])],
    [A.count(r[10]), "num"], [r[9] || "", "reason"]];
  const FILL = (r) => [[A.moment(r[0], true)], [r[1]], [A.label(r[2])], [r[3]], [A.plain(r[5]), "num"],
    [A.plain(r[6]), "num"], [A.number(r[7], 4), "num"], [A.plain(r[8]) + " " + r[9], "num"], [r[11], "reason"]];

  // Keys are "generation-id"; newest first.
  const newest = (rows) => Object.keys(rows).sort((a, b) => {
    const [ga, ia] = a.split("-").map(Number), [gb, ib] = b.split("-").map(Number);
    return gb - ga || ib - ia;
  }).slice(0, ROWS_MAX);

  function list(name, body, cellsOf, empty, width) {
    const rows = A.live.tree[name] || {}, keys = newest(rows), box = A.byId(id(body));
    A.rows(box, keys.length ? keys : ["empty"], (key) => {
      const row = A.el("tr");
      if (key === "empty") row.appendChild(A.el("td", "soft", empty)).colSpan = width;
      return row;
    }, (row, key) => {
      if (key === "empty") return;
      cellsOf(rows[key]).forEach(([text, css], index) => {
        const cell = row.children[index] || row.appendChild(A.el("td"));
        A.text(cell, text);
        A.css(cell, css || "");
      });
    });
  }

  A.tables = {
    draw() {
      if (!A.live.tree.engine) return;
      venues();
      strategies();
      quotes();
      balances();
      stages();
      list("opportunities", "opportunity-rows", OPPORTUNITY, "No gap above your fees yet.", 10);
      list("orders", "order-rows", ORDER, "No order sent yet.", 11);
      list("fills", "fill-rows", FILL, "No fill yet.", 9);
    },
  };
})();
