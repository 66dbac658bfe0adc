// The form that Backtest and Optimizer share: symbols, venues, period, data on disk, capital and the bar's assumptions.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research;
  const DAY_NS = 86400e9, DAYS_FIRST = 7, MINUTE_NS = 60e9;
  let serial = 0;

  // A labelled control; its error appears under it. `name` is the field as the API calls it.
  function field(name, label, control, help) {
    const box = A.el("div", "field"), text = A.el("label", "", label), note = A.el("p", "help", help || "");
    const error = A.el("p", "field-error");
    control.id = "field-" + (serial += 1);
    text.htmlFor = control.id;
    note.id = control.id + "-help";
    error.id = control.id + "-error";
    control.setAttribute("aria-describedby", note.id + " " + error.id);
    box.dataset.field = name;
    box.append(text, control, note, error);
    A.show(note, Boolean(help));
    A.show(error, false);
    return box;
  }
  function input(type, value, attributes) {
    const node = A.el("input");
    node.type = type;
    node.value = value;
    node.autocomplete = "off";
    for (const [key, one] of Object.entries(attributes || {})) node.setAttribute(key, one);
    return node;
  }
  function select(pairs, chosen) {
    const node = A.el("select");
    for (const [value, text] of pairs) {
      const option = node.appendChild(A.el("option", "", text));
      option.value = value;
    }
    if (chosen !== undefined) node.value = chosen;
    return node;
  }
  // Check boxes with one legend; values() gives the chosen ones.
  function checks(name, legend, options, chosen) {
    const box = A.el("fieldset", "field checks"), error = A.el("p", "field-error");
    box.dataset.field = name;
    box.appendChild(A.el("legend", "", legend));
    for (const [value, text] of options) {
      const label = box.appendChild(A.el("label", "check")), tick = input("checkbox", value);
      tick.checked = chosen.includes(value);
      label.append(tick, A.el("span", "", text));
    }
    box.appendChild(error);
    A.show(error, false);
    box.values = () => Array.from(box.querySelectorAll("input:checked"), (node) => node.value);
    box.choose = (values) => box.querySelectorAll("input").forEach((node) => { node.checked = values.includes(node.value); });
    return box;
  }
  const range = (p) => A.plain(p.min) + " to " + A.plain(p.max) + (p.unit ? " " + p.unit : "");
  const title = (name) => name.replace(/_(bps|usd|ms|s|e8)$/, "").replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());

  const localOf = (ns) => new Date(Math.floor(ns / 1e6)).toISOString().slice(0, 16);

  function dataPart(state) {
    const { entries } = state, part = A.el("div");
    const bars = () => entries.filter((e) => e.kind === kind.value);
    const unique = (key) => [...new Set(entries.map((e) => e[key]))].sort();
    const kinds = unique("kind"), words = { candles_1m: "1-minute candles", quotes: "recorded quotes" };
    const kind = select((kinds.length ? kinds : ["candles_1m"]).map((k) => [k, words[k] || k]),
      kinds.includes("candles_1m") ? "candles_1m" : kinds[0]);
    const symbols = checks("symbols", "Symbols", unique("symbol").map((s) => [s, s]), unique("symbol").slice(0, 1));
    const venues = checks("exchanges", "Venues (at least two)", unique("venue").map((v) => [v, A.label(v)]), unique("venue").slice(0, 2));
    const from = input("datetime-local", "", { step: 60 }), to = input("datetime-local", "", { step: 60 });
    const coverage = A.el("div", "coverage");
    coverage.setAttribute("aria-live", "polite");

    function chosen() {
      return bars().filter((e) => symbols.values().includes(e.symbol) && venues.values().includes(e.venue));
    }
    // The last days that all chosen files have in common.
    function period() {
      const files = chosen();
      if (!files.length) return;
      const last = Math.min(...files.map((e) => e.last_ns)) + MINUTE_NS, first = Math.max(...files.map((e) => e.first_ns));
      if (first >= last) return;
      from.value = localOf(Math.max(first, last - DAYS_FIRST * DAY_NS));
      to.value = localOf(last);
    }
    function show() {
      const lines = [];
      for (const symbol of symbols.values())
        for (const venue of venues.values()) {
          const file = bars().find((e) => e.symbol === symbol && e.venue === venue);
          const row = A.el("p", file ? "" : "c-attention");
          A.text(row, file
            ? symbol + " " + A.label(venue) + ": " + R.when(file.first_ns, true) + " to " + R.when(file.last_ns, true) + ", " +
              A.count(file.rows) + " rows, " + A.count(file.gaps) + (file.gaps === 1 ? " gap" : " gaps")
            : "▲ " + symbol + " " + A.label(venue) + ": nothing on disk.");
          if (file && file.synthetic) row.appendChild(A.el("span", "badge", "invented"));
          lines.push(row);
        }
      if (!entries.length)
        lines.push(A.el("p", "c-attention", "▲ No history on disk. “arbdeck data fetch” gets some, “arbdeck data import” takes your own file."));
      coverage.replaceChildren(A.el("p", "soft", "On disk:"), ...lines);
    }
    part.append(symbols, venues, field("kind", "History", kind));
    const span = part.appendChild(A.el("div", "pair"));
    span.append(field("start_date", "From, UTC", from), field("end_date", "To, UTC", to));
    part.append(coverage);
    for (const node of [symbols, venues, kind]) node.addEventListener("change", () => { period(); show(); });
    period();
    show();
    return {
      node: part,
      synthetic: () => chosen().some((e) => e.synthetic),
      value: () => ({
        symbols: symbols.values(), exchanges: venues.values(), kind: kind.value,
        start_date: from.value ? from.value + "Z" : "", end_date: to.value ? to.value + "Z" : "",
      }),
      fill(request) {
        symbols.choose(request.symbols);
        venues.choose(request.exchanges);
        kind.value = request.kind;
        from.value = localOf(request.start_ns);
        to.value = localOf(request.end_ns);
        show();
      },
    };
  }

  const TERMS = [
    ["capital_usd", "Capital, USD", 10000, "Total; how it is split over venues and assets is stated in the result."],
    ["half_spread_bps", "Assumed half-spread of candles, bps", 1, "Bid and ask lie this far from open and close."],
    ["bar_size_usd", "Assumed size of candles, USD", 5000, "Displayed on each side."],
    ["latency_ms", "Latency, ms", 50, "From the decision until the venue sees the order."],
  ];
  function termsPart() {
    const part = A.el("details", "terms"), inputs = {};
    part.appendChild(A.el("summary", "", "Assumptions"));
    const capital = field("capital_usd", TERMS[0][1], (inputs.capital_usd = input("number", TERMS[0][2], { min: 1, step: "any" })), TERMS[0][3]);
    for (const [name, label, value, help] of TERMS.slice(1))
      part.appendChild(field(name, label, (inputs[name] = input("number", value, { min: 0, step: "any" })), help));
    return {
      capital, node: part, inputs,
      value: () => Object.fromEntries(Object.entries(inputs).map(([name, node]) => [name, Number(node.value)])),
      fill: (request) => Object.entries(inputs).forEach(([name, node]) => { node.value = request[name]; }),
    };
  }

  // Marks the field that the API names ("body.params.x" or "params.x"); false when the form has none of that name.
  function markError(form, name, text) {
    form.querySelectorAll("[data-field]").forEach((box) => {
      const wanted = (name || "").replace(/^body\./, "");
      const hit = Boolean(wanted) && (box.dataset.field === wanted || wanted.startsWith(box.dataset.field + "."));
      const node = box.querySelector(":scope > .field-error");
      if (node) { A.text(node, hit ? text : ""); A.show(node, hit); }
      const control = box.querySelector("input, select");
      if (control && box.tagName !== "FIELDSET") control.setAttribute("aria-invalid", String(hit));
      if (hit) {
        if (box.closest("details")) box.closest("details").open = true;
        if (control) control.focus();
      }
    });
  }

  // Both forms need the schema and the files; `build(schema, entries)` runs when both are there.
  R.formData = async (place, build) => {
    const holder = A.byId(place);
    holder.replaceChildren(A.el("p", "notice", "Loading ..."));
    const [schema, data] = await Promise.all([R.call("backtest/strategies"), R.call("data")]);
    const bad = [schema, data].find((answer) => !answer.ok);
    if (bad) {
      holder.replaceChildren(A.el("p", "notice c-critical", "■ " + bad.text),
        R.button("Load the form again", "quiet", () => R.formData(place, build)));
      return;
    }
    build(schema.data, data.data, holder);
  };
  R.form = { field, input, select, checks, dataPart, termsPart, markError, range, title };
})();
