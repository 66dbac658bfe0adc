// The History page: recorded P&L, fills, orders, opportunities and configuration versions, and how far the recorder is.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research, id = (what) => "history-" + what;
  const SPANS_S = { "1h": 3600, "24h": 86400, "7d": 604800, "30d": 2592000 };
  const POINTS = 1000, REFRESH_MS = 5000, FILTERS_EVERY_MS = 200, LAG_S_MAX = 10;
  const show = { trading: true, holding: false };
  let range = "24h", chosen = "fills", plot = null, table = null, samples = null, away = "";
  const filters = {};

  const state = (word) => [A.shape(A.look(word)) + " " + A.words(word), "c-" + A.look(word)];
  const price = (value) => A.plain(value);
  const LISTS = {
    fills: {
      path: "history/fills", filters: ["symbol", "venue"], empty: "No fill recorded",
      columns: [
        { title: "Time UTC", cell: (r) => R.when(r.wall_ns) }, { title: "Symbol", cell: (r) => r.symbol },
        { title: "Venue", cell: (r) => A.label(r.venue) }, { title: "Side", cell: (r) => A.words(r.side) },
        { title: "Price", num: true, cell: (r) => price(r.price) }, { title: "Quantity", num: true, cell: (r) => A.plain(r.qty) },
        { title: "Quote", num: true, cell: (r) => A.number(r.quote, 4) },
        { title: "Fee", num: true, cell: (r) => A.plain(r.fee, 8) + " " + (r.fee_asset || "") },
        { title: "Mode", cell: (r) => r.mode }, { title: "Generation", num: true, cell: (r) => A.count(r.generation) },
      ],
    },
    orders: {
      path: "history/orders", filters: ["symbol", "venue"], empty: "No order recorded",
      columns: [
        { title: "Sent UTC", cell: (r) => R.when(r.sent_ns ?? r.created_ns) }, { title: "Symbol", cell: (r) => r.symbol },
        { title: "Venue", cell: (r) => A.label(r.venue) }, { title: "Side", cell: (r) => A.words(r.side) },
        { title: "Limit", num: true, cell: (r) => price(r.price) }, { title: "Quantity", num: true, cell: (r) => A.plain(r.qty) },
        { title: "Filled", num: true, cell: (r) => A.plain(r.filled) }, { title: "State", cell: (r) => state(r.state) },
        { title: "Words", css: "reason", cell: (r) => r.reason || "" }, { title: "Generation", num: true, cell: (r) => A.count(r.generation) },
      ],
    },
    opportunities: {
      path: "history/opportunities", filters: ["symbol", "outcome"], empty: "No opportunity recorded",
      columns: [
        { title: "Time UTC", cell: (r) => R.when(r.first_ns) }, { title: "Symbol", cell: (r) => r.symbol },
        { title: "Buy", cell: (r) => A.label(r.buy_venue) }, { title: "Sell", cell: (r) => A.label(r.sell_venue) },
        { title: "Gross bps", num: true, cell: (r) => A.figure(r.gross_bps, 1) },
        { title: "Net bps", num: true, cell: (r) => A.figure(r.net_bps, 1) },
        { title: "Outcome", cell: (r) => state(r.outcome) },
        { title: "P&L USD", num: true, cell: (r) => [R.usd(r.pnl, 4), "c-" + R.sign(r.pnl)] },
        { title: "Why not taken", css: "reason", cell: (r) => (r.refusal ? A.words(r.refusal) : "") },
      ],
    },
    configs: {
      path: "history/config-versions", filters: [], empty: "No configuration recorded",
      columns: [
        { title: "Time UTC", cell: (r) => R.when(r.wall_ns) }, { title: "Version", num: true, cell: (r) => A.count(r.config_version) },
        { title: "Hash", cell: (r) => r.hash.slice(0, 12) },
        { title: "Before it", cell: (r) => r.previous_hash.slice(0, 12) }, { title: "By", cell: (r) => r.actor || A.DASH },
        { title: "Generation", num: true, cell: (r) => A.count(r.generation) },
      ],
    },
  };
  const LABELS = { symbol: "Symbol", venue: "Venue", outcome: "Outcome" };
  const OUTCOMES = ["BOTH", "PARTIAL", "ONE_LEG", "MISSED", "REFUSED", "UNKNOWN"];
  const options = { symbol: () => [], venue: () => Object.keys(A.live.tree.venues || {}), outcome: () => OUTCOMES };

  function drawFilters() {
    A.byId(id("filters")).replaceChildren(...LISTS[chosen].filters.map((name) => {
      // Without an engine its venues are not known here: their name can be typed.
      const known = options[name]();
      const control = known.length
        ? R.form.select([["", "all"], ...known.map((v) => [v, name === "venue" ? A.label(v) : A.words(v)])], filters[name] || "")
        : R.form.input("search", filters[name] || "", { placeholder: "all" });
      control.addEventListener("change", () => {
        filters[name] = name === "symbol" ? control.value.trim().toUpperCase() : control.value;
        control.value = filters[name];
        table.first();
      });
      return R.form.field(name, LABELS[name], control);
    }));
  }
  function choose(name) {
    chosen = name;
    R.pressed(id("list"), Object.keys(LISTS), name);
    drawFilters();
    const list = LISTS[name];
    table = R.table({
      place: id("table"), caption: A.words(name), columns: list.columns,
      get empty() { return list.empty + (list.filters.some((key) => filters[key]) ? " under these filters." : " yet."); },
      load: (p) => R.call(R.query(list.path, { cursor: p.cursor, limit: p.limit,
        ...Object.fromEntries(list.filters.map((key) => [key, filters[key]])) })),
      after: (answer) => { if (answer.ok) R.asOf(id("records")); },
    });
    table.refresh();
  }

  function drawCurve() {
    if (samples === null) return;
    const now = A.now() / 1000, from = now - SPANS_S[range], lines = [];
    const gapS = (SPANS_S[range] / POINTS) * 3 + 5, times = [], index = [];
    // A hole in the record ends the line: it is never bridged.
    samples.forEach((sample, i) => {
      const at = sample.wall_ns / 1e9;
      if (times.length && at - times[times.length - 1] > gapS) { times.push(times[times.length - 1] + 1); index.push(-1); }
      times.push(at);
      index.push(i);
    });
    const column = (name) => index.map((i) => (i < 0 ? null : samples[i][name]));
    if (show.trading) lines.push({ label: "trading", values: column("trading_usd"), colour: "up" });
    if (show.holding) lines.push({ label: "holding", values: column("holding_usd"), colour: "unknown" });
    plot = plot || R.plot(id("curve-plot"), "P&L after fees");
    plot.set({ times, lines, from, to: now, note: (A.live.tree.engine || {}).mode === "SIM" ? "invented market" : "",
      empty: away || "nothing recorded in this range" });
  }
  async function loadCurve() {
    const until = Math.round(A.now()), wanted = range;
    const answer = await R.call(R.query("history/pnl", { since_ns: (until - SPANS_S[range] * 1000) + "000000", points: POINTS }));
    if (wanted !== range) return;
    away = answer.ok ? "" : answer.text;
    if (answer.ok) samples = answer.data;
    else if (samples === null) samples = [];
    if (answer.ok) R.asOf(id("curve"));
    drawCurve();
  }
  async function loadRecorder() {
    const answer = await R.call("history/recorder"), place = id("status");
    if (!answer.ok) {
      R.status(place, "critical", answer.text + " The journal keeps everything; figures below are the last ones read.");
      return;
    }
    const found = answer.data;
    if (!found.running)
      R.status(place, "attention", "The recorder is not running" + (found.last_ns ? ", last seen " + R.when(found.last_ns) + " UTC" : "") +
        ". The journal keeps everything; “arbdeck up” starts it." + (found.error ? " Its last words: " + found.error : ""));
    else if (found.error) R.status(place, "critical", "The recorder cannot write: " + found.error + " It tries again; the journal keeps everything.");
    else if (!found.totals) R.status(place, "critical", "The database cannot be read now; figures below are the last ones read.");
    else if (found.state === "waiting") R.status(place, "", "The recorder waits for the engine's first journal.");
    else if (found.lag_s > LAG_S_MAX)
      R.status(place, "attention", "The recorder is " + A.age(found.lag_s) + " behind, " + A.count(found.lag_records) + " records.");
    else R.status(place, "", "");
    tiles(found);
  }
  const sum = (counts) => Object.values(counts || {}).reduce((all, n) => all + n, 0);
  // Amounts of different assets are never added up: USD, USDT and USDC are not the same money.
  const amounts = (byAsset, digits) => Object.entries(byAsset || {}).map(([asset, item]) => A.number(item.value, digits(asset)) + " " + asset);
  const cents = (asset) => (/^USD/.test(asset) ? 2 : 6);
  function tiles(found) {
    const t = found.totals, last = t && t.pnl[t.pnl.length - 1];
    const fees = t ? amounts(t.fees, cents) : [], volume = t ? amounts(t.volume, () => 0) : [];
    const lag = found.running ? A.age(found.lag_s) + " behind" : "not running";
    const behind = !found.running || found.lag_s > LAG_S_MAX;
    R.tiles(id("tiles"), [
      ["Recorder", behind || found.lag_records > 0 ? lag : "up to date", A.count(found.lag_records) + " records to go", behind ? "attention" : ""],
      ["Trading P&L, recorded", last ? R.usd(last.trading_usd) + " USD" : A.DASH, last ? "after fees, " + R.when(last.wall_ns) + " UTC" : "nothing recorded yet",
        last ? R.sign(last.trading_usd) : ""],
      ["Opportunities", t ? A.count(sum(t.opportunities)) : A.DASH, t ? A.count(sum(t.opportunities) - (t.opportunities.REFUSED || 0)) + " not refused" : ""],
      ["Orders", t ? A.count(sum(t.orders)) : A.DASH, t ? A.count(t.orders.UNKNOWN || 0) + " unknown" : "", t && t.orders.UNKNOWN ? "unknown" : ""],
      ["Fills", t ? A.count(t.fills) : A.DASH, volume.join(", ") || "nothing traded"],
      ["Fees", fees[0] || (t ? "none" : A.DASH), fees.slice(1).join(", ") || "paid to venues"],
    ]);
  }

  function start() {
    for (const name of Object.keys(SPANS_S))
      A.byId(id("range-" + name)).addEventListener("click", () => {
        range = name;
        R.pressed(id("range"), Object.keys(SPANS_S), name);
        loadCurve();
      });
    for (const name of Object.keys(show))
      A.byId(id("show-" + name)).addEventListener("click", () => {
        show[name] = !show[name];
        if (!show.trading && !show.holding) show[name] = true;
        R.pressed(id("show"), Object.keys(show), Object.keys(show).filter((key) => show[key]));
        drawCurve();
      });
    for (const name of Object.keys(LISTS)) A.byId(id("list-" + name)).addEventListener("click", () => choose(name));
    choose(chosen);
    loadCurve();
    loadRecorder();
    const wait = setInterval(() => {
      if (!A.live.tree.venues) return;
      clearInterval(wait);
      drawFilters();
      drawCurve();
    }, FILTERS_EVERY_MS);
    // Only what is looked at is read again; a page that was turned stays as it is.
    setInterval(() => {
      if (document.hidden) return;
      loadCurve();
      loadRecorder();
      if (table.onFirst) table.refresh();
    }, REFRESH_MS);
  }
  A.whenThere(id("table"), () => A.whenThere("phone-kill", start));
})();
