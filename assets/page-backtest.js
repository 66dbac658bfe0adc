// The Backtest page: form from the strategy's schema, run or job, figures, charts, trades, earlier runs.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research, id = (what) => "backtest-" + what;
  const POINTS = 2000;
  const show = { trading: true, holding: false };
  let form = null, current = null, equity = null, drawdown = null, runs = null;

  const OUTCOMES = (row) => {
    const look = A.look(row.outcome);
    return [A.shape(look) + " " + A.words(row.outcome), "c-" + look];
  };
  const TRADES = [
    { title: "Time UTC", sort: "time_ns", cell: (t) => R.when(t.time_ns) },
    { title: "Symbol", sort: "symbol", cell: (t) => t.symbol },
    { title: "Buy", sort: "buy_venue", cell: (t) => A.label(t.buy_venue) },
    { title: "Sell", sort: "sell_venue", cell: (t) => A.label(t.sell_venue) },
    { title: "Quantity", num: true, sort: "qty", cell: (t) => A.plain(t.qty) },
    { title: "Bought at", num: true, sort: "buy_price", cell: (t) => A.plain(t.buy_price) },
    { title: "Sold at", num: true, sort: "sell_price", cell: (t) => A.plain(t.sell_price) },
    { title: "Gross bps", num: true, sort: "gross_bps", cell: (t) => A.figure(t.gross_bps, 1) },
    { title: "Net bps", num: true, sort: "net_bps", cell: (t) => A.figure(t.net_bps, 1) },
    { title: "Fees USD", num: true, sort: "fees_usd", cell: (t) => A.number(t.fees_usd, 4) },
    { title: "P&L USD", num: true, sort: "pnl_usd", cell: (t) => [R.usd(t.pnl_usd, 4), "c-" + R.sign(t.pnl_usd)] },
    { title: "Outcome", sort: "outcome", cell: OUTCOMES },
  ];
  const RUNS = [
    { title: "Run UTC", cell: (r) => R.when(r.created_ns, true) },
    { title: "Symbols", cell: (r) => (r.symbols || []).join(", ") },
    { title: "Venues", cell: (r) => R.names(r.exchanges) },
    { title: "From", cell: (r) => R.when(r.start_ns, true) },
    { title: "To", cell: (r) => R.when(r.end_ns, true) },
    { title: "Trades", num: true, cell: (r) => A.count(r.trades) },
    { title: "Trading P&L USD", num: true, cell: (r) => [R.usd(r.trading_pnl_usd), "c-" + R.sign(r.trading_pnl_usd)] },
    { title: "Sharpe", num: true, cell: (r) => A.figure(r.sharpe_ratio, 2) },
  ];
  const DATA = [
    { title: "Venue", cell: (d) => A.label(d.venue) },
    { title: "Symbol", cell: (d) => d.symbol },
    { title: "From UTC", cell: (d) => R.when(d.first_ns, true) },
    { title: "To UTC", cell: (d) => R.when(d.last_ns, true) },
    { title: "Rows", num: true, cell: (d) => A.count(d.rows) },
    { title: "Missing bars", num: true, cell: (d) => A.count(d.missing) },
    { title: "Bars without volume", num: true, cell: (d) => A.count(d.stale) },
    { title: "Source", css: "reason", cell: (d) => d.source },
    { title: "SHA-256", cell: (d) => (d.sha256 || "").slice(0, 12) },
  ];

  function buildForm(schema, entries, holder) {
    const node = A.el("form", "setup"), inputs = {};
    const strategy = R.form.select(schema.strategies.map((s) => [s.name, s.name]));
    const data = R.form.dataPart({ entries }), terms = R.form.termsPart();
    node.appendChild(R.form.field("strategy", "Strategy", strategy));
    const params = A.el("fieldset", "field");
    params.appendChild(A.el("legend", "", "Parameters" + (schema.running ? ", at first as they run now" : ", at first the defaults")));
    for (const p of schema.params) {
      const now = (schema.strategies[0].running || {})[p.name];
      inputs[p.name] = R.form.input("number", now ?? p.default, { min: p.min, max: p.max, step: p.type === "integer" ? 1 : "any" });
      params.appendChild(R.form.field("params." + p.name, R.form.title(p.name) + (p.unit ? ", " + p.unit : ""), inputs[p.name],
        p.help + " " + R.form.range(p) + "."));
    }
    strategy.addEventListener("change", () => {
      const running = (schema.strategies.find((s) => s.name === strategy.value) || {}).running || {};
      for (const p of schema.params) inputs[p.name].value = running[p.name] ?? p.default;
    });
    const go = A.el("button", "primary", "Run backtest");
    go.type = "submit";
    node.append(data.node, terms.capital, params, terms.node, go);
    node.noValidate = true;
    node.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    holder.replaceChildren(node);
    R.asOf(id("setup"));
    form = {
      node, go,
      value: () => ({
        strategy: strategy.value, ...data.value(), ...terms.value(),
        params: Object.fromEntries(Object.entries(inputs).map(([name, one]) => [name, one.value === "" ? null : Number(one.value)])),
      }),
      fill(request) {
        strategy.value = request.strategy;
        data.fill(request);
        terms.fill(request);
        for (const [name, one] of Object.entries(inputs)) if (name in request.params) one.value = request.params[name];
      },
    };
  }

  async function submit() {
    form.go.disabled = true;
    R.form.markError(form.node, null, "");
    R.status(id("status"), "attention", "Running ...");
    const answer = await R.call("backtest/run", form.value());
    if (!answer.ok) {
      R.status(id("status"), "critical", "Not run: " + answer.text);
      R.form.markError(form.node, answer.field, answer.text);
    } else if (answer.status === 202) {
      const job = await R.watch(answer.data.job_id, id("status"), "The backtest");
      if (job && job.state === "done" && job.result) await open(job.result.run_id);
    } else await open(answer.data.run_id);
    form.go.disabled = false;
    if (runs) runs.first();
  }

  async function open(runId) {
    const answer = await R.call(R.query("backtest/runs/" + encodeURIComponent(runId), { points: POINTS }));
    if (!answer.ok) {
      R.status(id("status"), "critical", "This run cannot be shown: " + answer.text);
      return;
    }
    R.status(id("status"), "", "");
    history.replaceState(null, "", "#run=" + runId);
    draw(answer.data);
    A.byId(id("result")).scrollIntoView({ block: "nearest" });
  }

  const invented = (run) => run.data.some((d) => d.synthetic || /synthetic|invented/i.test(d.source || ""));
  function draw(run) {
    current = run;
    A.show(id("result"), true);
    const m = run.metrics;
    R.tiles(id("tiles"), R.metricTiles(m));
    curves();
    R.list(id("refusal-rows"), Object.entries(run.refusals).sort((a, b) => b[1] - a[1])
      .map(([name, count]) => A.words(name) + ": " + A.count(count)), "No control refused anything.");
    const halt = m.halted ? ["Trading stopped early, " + R.when(m.halted_ns) + " UTC: " + m.halted + "."] : [];
    R.list(id("assumption-rows"), [...halt, ...run.notes, ...run.assumptions,
      "Holding P&L, the price change of the inventory: " + R.usd(m.holding_pnl_usd) + " USD. It is in none of the figures above.",
      A.count(m.opportunities) + " opportunities were seen, " + A.count(m.trades) + " became trades; " + A.count(m.one_leg) + " trades had one leg only, " + A.count(m.hedges) + " hedges.",
      "Parameters: " + Object.entries(run.request.params).map(([k, v]) => k + " " + A.plain(v)).join(", ") + "."], "");
    R.rows(id("data-table"), "Data used", DATA, run.data, "none");
    trades(run);
    for (const name of ["equity", "drawdown", "trades", "refusals", "assumptions", "data"])
      R.age(id(name), A.known(run.took_ms) ? "took " + A.number(run.took_ms, 0) + " ms" : "");
  }
  function curves() {
    if (!current) return;
    const e = current.equity, times = e.time_ns.map((ns) => ns / 1e9), lines = [];
    if (show.trading) lines.push({ label: "trading", values: e.trading_usd, colour: "up" });
    if (show.holding) lines.push({ label: "holding", values: e.holding_usd, colour: "unknown" });
    const note = invented(current) ? "invented data" : "";
    equity = equity || R.plot(id("equity-plot"), "P&L after fees");
    drawdown = drawdown || R.plot(id("drawdown-plot"), "Drawdown of trading P&L");
    equity.set({ times, lines, note, empty: "no mark in this period" });
    drawdown.set({ times, lines: [{ label: "drawdown", values: e.drawdown_usd.map((v) => -v), colour: "down", fill: true }], note });
  }
  function trades(run) {
    const base = "backtest/runs/" + encodeURIComponent(run.run_id) + "/trades";
    const table = R.table({
      place: id("trade-table"), caption: "Trades", columns: TRADES, sort: "time_ns",
      empty: "No trade: no gap cleared your thresholds and fees in this period.",
      load: (p) => R.call(R.query(base, { cursor: p.cursor, limit: p.limit, sort: p.sort, order: p.descending ? "desc" : "asc" })),
    });
    table.refresh();
  }

  function start() {
    R.formData(id("form"), (schema, entries, holder) => {
      buildForm(schema, entries, holder);
      if (current) form.fill(current.request);
    });
    for (const name of Object.keys(show))
      A.byId(id("show-" + name)).addEventListener("click", () => {
        show[name] = !show[name];
        if (!show.trading && !show.holding) show[name] = true;
        R.pressed(id("show"), Object.keys(show), Object.keys(show).filter((key) => show[key]));
        curves();
      });
    runs = R.table({
      place: id("run-table"), caption: "Earlier runs", columns: RUNS, empty: "No backtest run yet.",
      load: (p) => R.call(R.query("backtest/runs", { cursor: p.cursor, limit: p.limit })),
      actions: [["Open", async (row) => {
        await open(row.run_id);
        if (form && current && current.run_id === row.run_id) form.fill(current.request);
      }, (row) => "Open run of " + R.when(row.created_ns, true)]],
      after: () => R.asOf(id("runs")),
    });
    runs.refresh();
    const wanted = /^#run=([\w-]+)$/.exec(location.hash), job = /^#job=([\w-]+)$/.exec(location.hash);
    if (wanted) open(wanted[1]).then(() => form && current && form.fill(current.request));
    if (job) R.watch(job[1], id("status"), "The backtest").then((done) => done && done.state === "done" && open(done.result.run_id));
  }
  A.whenThere(id("run-table"), () => A.whenThere("phone-kill", start));
})();
