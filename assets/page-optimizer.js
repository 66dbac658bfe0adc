// The Optimizer page: start a search, follow it, compare trials, put one to work and take it back.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research, id = (what) => "optimizer-" + what;
  const SLICE = 512, TRIALS_MAX = 4096, ESTIMATE_AFTER_MS = 400;
  let schema = null, form = null, study = null, trials = [], view = {}, studies = null, table = null, timer = 0, asked = 0;

  const path = (what) => "studies/" + encodeURIComponent(study.study_id) + (what ? "/" + what : "");
  const words = (params) => Object.entries(params).map(([k, v]) => k + " " + A.plain(v)).join(", ");
  const metricOf = (name) => schema.metrics.find((m) => m.name === name) || { name, label: name, unit: "", more_is_better: true };
  const COMPLETE = { done: "normal", running: "attention", failed: "critical", cancelled: "off", queued: "off" };

  function estimate() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const found = form.value(), mine = (asked += 1);
      if (found.wrong) {
        A.text(form.count, found.wrong);
        return;
      }
      const answer = await R.call("backtest/estimate", found.body);
      if (mine !== asked) return;
      A.text(form.count, answer.ok ? A.count(answer.data.runs) + (answer.data.runs === 1 ? " run" : " runs") + ", about " +
        A.age(answer.data.seconds) + "." : answer.text);
    }, ESTIMATE_AFTER_MS);
  }

  async function submit() {
    R.form.markError(form.node, null, "");
    const found = form.value();
    if (found.wrong) {
      R.status(id("status"), "critical", "Not started: " + found.wrong);
      R.form.markError(form.node, found.field, found.wrong);
      return;
    }
    form.go.disabled = true;
    R.status(id("status"), "attention", "Starting ...");
    const answer = await R.call("backtest/optimize", found.body);
    if (!answer.ok) {
      R.status(id("status"), "critical", "Not started: " + answer.text);
      R.form.markError(form.node, answer.field, answer.text);
    } else await follow(answer.data.job_id);
    form.go.disabled = false;
  }

  // Follows a job; its study appears as soon as the worker has made it.
  async function follow(jobId) {
    history.replaceState(null, "", "#job=" + jobId);
    let seen = -1;
    await R.watch(jobId, id("status"), "The search", async (job) => {
      if (!job.study_id) return;
      if (!study || study.study_id !== job.study_id || job.progress !== seen || R.jobOver(job)) {
        seen = job.progress;
        await open(job.study_id, true);
      }
    });
    studies.first();
  }

  async function open(studyId, quiet) {
    const answer = await R.call("studies/" + encodeURIComponent(studyId));
    if (!answer.ok) {
      if (!quiet) R.status(id("status"), "critical", "This study cannot be shown: " + answer.text);
      return;
    }
    const other = !study || study.study_id !== studyId;
    study = answer.data;
    if (!quiet) history.replaceState(null, "", "#study=" + studyId);
    await loadTrials();
    if (other) view = { metric: study.metric, x: varied()[0], y: varied()[1] };
    draw();
    if (other) trialTable();
    else if (table.onFirst) table.refresh();
  }
  async function loadTrials() {
    const found = [];
    let cursor = null;
    do {
      const answer = await R.call(R.query(path("trials"), { limit: SLICE, order_by: "number", cursor }));
      if (!answer.ok) return;
      found.push(...answer.data);
      cursor = answer.next;
    } while (cursor && found.length < TRIALS_MAX);
    trials = found;
  }
  const varied = () => Object.entries(study.param_grid).filter(([, v]) => v.length > 1).map(([k]) => k);
  const bestTrial = () => trials.find((t) => t.number === study.best_number);

  function draw() {
    A.show(id("result"), true);
    const best = bestTrial(), metric = metricOf(study.metric);
    R.tiles(id("tiles"), best ? R.metricTiles(best.metrics) : [["Trials", A.count(study.trials_count), "of " + A.count(study.combinations)]]);
    A.text(id("best-title"), study.state === "done" ? "Best trial" : "Best so far");
    const place = A.byId(id("best-rows"));
    place.replaceChildren();
    if (best) {
      const noEdge = trials.every((t) => !t.metrics || !(t.metrics.trading_pnl_usd > 0));
      place.append(
        A.el("p", "sentence", "Trial " + best.number + ": " + metric.label + " " + R.metricText(metric, best.value) +
          (metric.unit && !/_fraction$/.test(metric.name) ? " " + metric.unit : "")),
        paramTable(best));
      if (noEdge) place.appendChild(A.el("p", "c-attention", "▲ No edge: no trial has a positive trading P&L on this data."));
      const buttons = place.appendChild(A.el("div", "tools"));
      buttons.append(R.button("Put to work", "primary small", (b) => putToWork(best, b)),
        R.button("Show full backtest", "quiet small", (b) => fullRun(best, b)));
    } else place.appendChild(A.el("p", "notice", "No trial is finished yet."));
    if (study.data) place.appendChild(A.el("p", "soft", study.data));
    place.appendChild(A.el("p", "soft", A.count(study.trials_count) + " of " + A.count(study.combinations) + " trials, " + study.state +
      (study.trials_count > trials.length ? "; the heat map shows the first " + A.count(trials.length) : "") + "."));
    heat();
    for (const name of ["best", "heat", "trials"]) R.asOf(id(name));
  }
  function paramTable(trial) {
    const node = A.el("div"), running = (schema.strategies.find((s) => s.name === study.strategy) || {}).running || {};
    R.rows(node, "Parameters of trial " + trial.number, [
      { title: "Parameter", cell: ([name]) => name },
      { title: "Trial", num: true, cell: ([name, value]) => A.plain(value) + " " + unitOf(name) },
      { title: "Runs now", num: true, cell: ([name]) => (name in running ? A.plain(running[name]) + " " + unitOf(name) : A.DASH) },
    ], Object.entries(trial.params), "none");
    return node;
  }
  const unitOf = (name) => (schema.params.find((p) => p.name === name) || {}).unit || "";

  function heat() {
    const place = A.byId(id("heat-map")), names = varied();
    let picker = A.byId(id("heat-picker")), map = A.byId(id("heat-cells"));
    if (!picker || picker.dataset.study !== study.study_id) {
      picker = A.el("div", "filters");
      picker.id = id("heat-picker");
      picker.dataset.study = study.study_id;
      map = A.el("div");
      map.id = id("heat-cells");
      const choice = (key, label, pairs) => {
        const control = R.form.select(pairs, view[key] || "");
        control.addEventListener("change", () => { view[key] = control.value; heat(); });
        return R.form.field(key, label, control);
      };
      const axes = names.map((n) => [n, n]);
      picker.append(choice("metric", "Figure", schema.metrics.map((m) => [m.name, m.label + (m.unit ? ", " + m.unit : "")])),
        choice("x", "Across", axes), choice("y", "Down", [["", "none"], ...axes]));
      place.replaceChildren(picker, map);
    }
    R.heat({
      place: id("heat-cells"), trials, params: names, metric: metricOf(view.metric), best: study.best_number,
      units: Object.fromEntries(schema.params.map((p) => [p.name, p.unit])),
      x: view.x, y: view.y && view.y !== view.x ? view.y : null, pick: (trial) => fullRun(trial),
    });
  }

  function trialTable() {
    const metric = metricOf(study.metric), m = (name, digits) => (t) => (t.metrics ? A.figure(t.metrics[name], digits) : A.DASH);
    table = R.table({
      place: id("trial-table"), caption: "Trials", sort: "value", descending: metric.more_is_better, empty: "No trial is finished yet.",
      columns: [
        { title: "Trial", num: true, sort: "number", cell: (t) => A.count(t.number) },
        ...Object.keys(study.param_grid).map((name) => ({
          title: name.replace(/_(bps|usd|ms)$/, "").replaceAll("_", " ") + (unitOf(name) ? ", " + unitOf(name) : ""), num: true,
          cell: (t) => A.plain(t.params[name]),
        })),
        { title: metric.label + (R.metricUnit(metric) ? ", " + R.metricUnit(metric) : ""), num: true, sort: "value",
          cell: (t) => R.metricText(metric, t.value) },
        ...[
          { name: "trading_pnl_usd", title: "Trading P&L USD", cell: (t) => (t.metrics ? [R.usd(t.metrics.trading_pnl_usd), "c-" + R.sign(t.metrics.trading_pnl_usd)] : A.DASH) },
          { name: "trades", title: "Trades", cell: m("trades", 0) },
          { name: "sharpe_ratio", title: "Sharpe", cell: m("sharpe_ratio", 2) },
          { name: "max_drawdown_usd", title: "Max drawdown USD", cell: m("max_drawdown_usd", 2) },
        ].filter((column) => column.name !== metric.name).map((column) => ({ ...column, num: true })),
        { title: "State", cell: (t) => (t.metrics && t.metrics.halted ? ["▲ stopped early: " + A.words(t.metrics.halted), "c-attention"] : "to the end") },
      ],
      load: (p) => R.call(R.query(path("trials"), { cursor: p.cursor, limit: p.limit, order_by: (p.descending ? "-" : "") + p.sort })),
      actions: [["Open", (t, b) => fullRun(t, b), (t) => "Full backtest of trial " + t.number],
        ["Put to work", (t, b) => putToWork(t, b), (t) => "Put trial " + t.number + " to work"]],
    });
    table.refresh();
  }

  async function fullRun(trial, button) {
    if (button) button.disabled = true;
    const answer = await R.call(path("trials/" + trial.number + "/run"), {});
    if (button) button.disabled = false;
    if (!answer.ok) A.actions.toast("Backtest of trial " + trial.number, answer);
    else location.assign(answer.status === 202 ? "/backtest#job=" + answer.data.job_id : "/backtest#run=" + answer.data.run_id);
  }

  // The plan first: what changes from what to what. Nothing is sent before the dialog is confirmed.
  async function propose(what, url, body, button) {
    if (button) button.disabled = true;
    const answer = await R.call(url, body);
    if (button) button.disabled = false;
    if (!answer.ok) {
      A.actions.toast(what, answer);
      return;
    }
    const plan = answer.data.plan;
    if (!plan.changes.length) {
      A.actions.toast(what, { ok: true, text: plan.strategy + " runs these values already. Nothing to change." });
      return;
    }
    const diff = plan.changes.map((c) => c.param + ": " + A.plain(c.before) + " → " + A.plain(c.after) + " " + c.unit +
      (c.live ? "" : " (at the engine's next start)"));
    A.actions.confirm({
      title: what + " on " + plan.instance + " (" + plan.mode + ")?", verb: what,
      text: [...diff, ...plan.notes, "Configuration now: " + plan.config_hash.slice(0, 12)].join("\n"),
      typed: plan.mode === "LIVE" ? plan.confirm : null,
      run: async () => {
        const done = await R.call(url, { ...body, confirm: plan.confirm, config_hash: plan.config_hash });
        const text = done.ok ? done.data.deployed.message + " Configuration " + done.data.deployed.config_hash_before.slice(0, 12) + " → " +
          done.data.deployed.config_hash.slice(0, 12) + "." : (done.status === 504 || done.status === 0
          ? done.text + " It may or may not have been done: look at the configuration." : done.text);
        A.actions.toast(what, { ok: done.ok, text });
        R.status(id("status"), done.ok ? "normal" : "critical", what + ": " + text);
        const fresh = await R.call("backtest/strategies");
        if (fresh.ok) schema = fresh.data;
        if (study) draw();
      },
    });
  }
  const putToWork = (trial, button) => propose("Put trial " + trial.number + " to work", path("deploy"), { trial: trial.number }, button);

  const STUDIES = [
    { title: "Started UTC", cell: (s) => R.when(s.created_ns, true) },
    { title: "State", cell: (s) => [A.shape(COMPLETE[s.state] || "unknown") + " " + s.state, "c-" + (COMPLETE[s.state] || "unknown")] },
    { title: "Strategy", cell: (s) => s.strategy }, { title: "Best by", cell: (s) => metricOf(s.metric).label },
    { title: "Varied", css: "reason", cell: (s) => Object.keys(s.param_grid).join(", ") },
    { title: "Trials", num: true, cell: (s) => A.count(s.trials_count) + " / " + A.count(s.combinations) },
  ];
  function start() {
    A.byId(id("rollback")).addEventListener("click", (event) => propose("Roll back", "deployments/rollback", {}, event.currentTarget));
    R.formData(id("form"), (found, entries, holder) => {
      schema = found;
      form = R.gridForm({ schema, entries, holder, submit, changed: estimate });
      R.asOf(id("setup"));
      estimate();
      studies = R.table({
        place: id("study-table"), caption: "Studies", columns: STUDIES, empty: "No search made yet.",
        load: (p) => R.call(R.query("studies", { cursor: p.cursor, limit: p.limit })),
        actions: [["Open", (row) => open(row.study_id), (row) => "Open study of " + R.when(row.created_ns, true)]],
        after: () => R.asOf(id("studies")),
      });
      studies.refresh();
      const wanted = /^#(study|job)=([\w-]+)$/.exec(location.hash);
      if (wanted) (wanted[1] === "study" ? open : follow)(wanted[2]);
    });
  }
  A.whenThere(id("study-table"), () => A.whenThere("phone-kill", start));
})();
