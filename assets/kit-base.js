// What the research pages share: calls of the API that never throw, status lines, panels' ages, tiles, job watching.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const API = "/api/v2/", DEADLINE_MS = 30000, JOB_EVERY_MS = 1000, JOB_RETRY_MS = 3000, WAITING_LONG_S = 5;
  const R = (A.research = {});

  // Returns {ok, data, next, body} or {ok: false, text, field, code}.
  R.call = async (path, body) => {
    const abort = new AbortController(), timer = setTimeout(() => abort.abort(), DEADLINE_MS);
    const headers = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    try {
      const response = await fetch(API + path, {
        method: body === undefined ? "GET" : "POST", signal: abort.signal, headers,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (response.status === 401) location.assign("/login");
      const answer = await response.json();
      if (response.ok) return { ok: true, status: response.status, data: answer.data, next: answer.next_cursor, body: answer };
      const error = answer.error || {};
      return { ok: false, status: response.status, code: error.code, field: error.field, text: error.message || "HTTP " + response.status };
    } catch (error) {
      return { ok: false, status: 0, code: "NO_ANSWER", text: abort.signal.aborted
        ? "The dashboard did not answer within 30 s." : "The dashboard does not answer." };
    } finally {
      clearTimeout(timer);
    }
  };
  R.query = (path, named) => {
    const pairs = Object.entries(named).filter(([, v]) => v !== null && v !== undefined && v !== "");
    return pairs.length ? path + "?" + new URLSearchParams(pairs) : path;
  };

  R.ms = (ns) => (A.known(ns) ? Math.round(ns / 1e6) : null);
  // Date and time, UTC; `short`: without seconds.
  R.when = (ns, short) => {
    const at = R.ms(ns);
    return at === null ? A.DASH : new Date(at).toISOString().slice(0, short ? 16 : 19).replace("T", " ");
  };
  R.percent = (fraction, digits) => (A.known(fraction) ? A.figure(fraction * 100, digits ?? 1) + " %" : A.DASH);
  R.usd = (value, digits) => A.signed(value, digits ?? 2);
  R.sign = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");
  R.names = (list) => (list || []).map(A.label).join(", ");

  // One line above the result: what is going on, or what went wrong.
  R.status = (node, look, text, extra) => {
    if (typeof node === "string") node = A.byId(node);
    node.replaceChildren();
    A.show(node, Boolean(text));
    A.css(node, node.className.replace(/ ?k-\w+/g, "") + (look ? " k-" + look : ""));
    if (!text) return node;
    node.setAttribute("role", look === "critical" ? "alert" : "status");
    if (look) node.appendChild(A.el("span", "shape c-" + look, A.shape(look)));
    node.appendChild(A.el("span", "status-text", text));
    if (extra) node.append(...[].concat(extra));
    return node;
  };
  R.age = (panel, text) => A.text(panel + "-age", text);
  R.asOf = (panel) => R.age(panel, "as of " + A.clock(Date.now()) + " UTC");

  R.tiles = (node, tiles) => {
    node = A.byId(node);
    node.replaceChildren(...tiles.map(([label, value, line, look]) => {
      const tile = A.el("div", "tile");
      tile.append(A.el("div", "tile-label", label), A.el("div", "tile-value" + (look ? " c-" + look : ""), value),
        A.el("div", "tile-line", line));
      tile.lastChild.title = line;
      return tile;
    }));
  };
  R.list = (node, sentences, none) => {
    node = A.byId(node);
    if (!sentences.length) {
      node.replaceChildren(A.el("p", "notice", none));
      return;
    }
    const list = A.el("ul", "sentences");
    list.append(...sentences.map((text) => A.el("li", "", text)));
    node.replaceChildren(list);
  };
  R.metricTiles = (m) => [
    ["Trading P&L", R.usd(m.trading_pnl_usd) + " USD", R.percent(m.return_fraction, 2) + " of capital",
      R.sign(m.trading_pnl_usd)],
    ["Trades", A.count(m.trades), A.count(m.wins) + " won, " + A.count(m.losses) + " lost"],
    ["Win rate", R.percent(m.win_rate_fraction), A.known(m.win_rate_fraction) ? "of trades with P&L" : "no trade to judge by"],
    ["Sharpe ratio", A.figure(m.sharpe_ratio, 2), A.known(m.sharpe_ratio) ? "daily, times √365" : "needs 2 days"],
    ["Max drawdown", A.number(m.max_drawdown_usd, 2) + " USD", R.percent(m.max_drawdown_fraction, 2) + " of capital"],
    ["Fees", A.number(m.fees_usd, 2) + " USD", "on " + A.number(m.volume_usd, 0) + " USD traded"],
  ];

  R.button = (text, css, act) => {
    const button = A.el("button", css || "quiet", text);
    button.type = "button";
    button.addEventListener("click", () => act(button));
    return button;
  };
  R.pressed = (prefix, names, chosen) => names.forEach((name) =>
    A.byId(prefix + "-" + name).setAttribute("aria-pressed", String([].concat(chosen).includes(name))));

  const OVER = { done: "normal", failed: "critical", cancelled: "off" };
  R.jobOver = (job) => job.state in OVER;
  // Asks for a job once a second until it is over. `show(job)` is called each time; resolves to the last.
  R.watch = (jobId, place, what, show) => new Promise((resolve) => {
    const bar = A.el("div", "progress bar"), cancel = R.button("Cancel", "quiet small", async (button) => {
      button.disabled = true;
      const answer = await R.call("jobs/" + encodeURIComponent(jobId) + "/cancel", {});
      if (!answer.ok) A.actions.toast("Cancel " + what, answer);
      button.disabled = false;
    });
    const begun = Date.now();
    async function look() {
      const answer = await R.call("jobs/" + encodeURIComponent(jobId));
      if (!answer.ok) {
        R.status(place, "attention", what + ": " + answer.text + " Asking again; a job does not need this page.");
        if (answer.status === 404) resolve(null);
        else setTimeout(look, JOB_RETRY_MS);
        return;
      }
      const job = answer.data;
      if (R.jobOver(job)) {
        const words = { done: "done", failed: "failed", cancelled: "cancelled" };
        R.status(place, job.state === "done" ? "" : OVER[job.state], job.state === "done" ? "" :
          what + " " + words[job.state] + (job.error ? ": " + job.error : job.message ? ": " + job.message : "."));
        if (show) await show(job);
        resolve(job);
        return;
      }
      const waits = job.state === "queued", seconds = (Date.now() - begun) / 1000;
      const text = waits ? what + " waits for a worker" + (seconds > WAITING_LONG_S
        ? ", " + A.age(seconds) + " now. “arbdeck up” starts one." : ".")
        : what + " runs: " + R.percent(job.progress, 0) + (job.message ? ", " + job.message : "") +
          (job.attempt > 1 ? ", attempt " + job.attempt : "");
      A.bar(bar, waits ? 0 : job.progress, "normal");
      R.status(place, "attention", text, [bar, cancel]);
      if (show) await show(job);
      setTimeout(look, JOB_EVERY_MS);
    }
    look();
  });
})();
