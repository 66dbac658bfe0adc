// The grid of the optimizer: per parameter one fixed value, a range with a step, or a list of values.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research;
  const VALUES_MAX = 1000, VARIED_FIRST = ["min_spread_bps", "max_position_usd"];

  // From, to and step without the rounding noise of adding up.
  function steps(from, to, step) {
    const count = step > 0 ? Math.floor((to - from) / step + 1e-9) + 1 : 0;
    if (!(count >= 1) || count > VALUES_MAX) return null;
    return Array.from({ length: count }, (_, i) => Number((from + i * step).toPrecision(12)));
  }
  const list = (text) => {
    const parts = text.split(/[\s,;]+/).filter(Boolean).map(Number);
    return parts.length && parts.every(Number.isFinite) ? parts : null;
  };

  // One parameter's row; value() gives {fixed} or {values} or {wrong: sentence}.
  R.gridRow = (p, now, changed) => {
    const box = A.el("fieldset", "field grid-param");
    box.dataset.field = "param_grid." + p.name;
    const mode = R.form.select([["fixed", "one value"], ["range", "range"], ["list", "list"]], VARIED_FIRST.includes(p.name) ? "range" : "fixed");
    mode.setAttribute("aria-label", p.name + ": one value, range or list");
    const head = A.el("legend", "", R.form.title(p.name) + (p.unit ? ", " + p.unit : ""));
    const step = p.type === "integer" ? 1 : "any";
    const number = (value, label) => {
      const node = R.form.input("number", value, { step });
      node.setAttribute("aria-label", p.name + ": " + label);
      return node;
    };
    const whole = (value) => (p.type === "integer" ? Math.round(value) : Number(value.toPrecision(6)));
    const low = Math.max(p.min, whole(now * 0.5)), high = Math.min(p.max, whole(now * 2) || p.min + 1);
    const fixed = number(now, "value"), from = number(low, "from"), to = number(high, "to");
    const by = number(whole((high - low) / 5) || 1, "step");
    const values = R.form.input("text", [low, now, high].join(", "), { "aria-label": p.name + ": values" });
    const one = A.el("div", "grid-inputs"), span = A.el("div", "grid-inputs three"), many = A.el("div", "grid-inputs");
    one.append(fixed);
    for (const [label, node] of [["from", from], ["to", to], ["step", by]]) {
      const wrap = span.appendChild(A.el("div"));
      wrap.append(A.el("span", "help", label), node);
    }
    many.append(values);
    const error = A.el("p", "field-error");
    A.show(error, false);
    box.append(head, mode, one, span, many, A.el("p", "help", p.help + " " + R.form.range(p) + ". Now " + A.plain(now) + "."), error);
    const draw = () => {
      A.show(one, mode.value === "fixed");
      A.show(span, mode.value === "range");
      A.show(many, mode.value === "list");
    };
    mode.addEventListener("change", draw);
    box.addEventListener("input", changed);
    mode.addEventListener("change", changed);
    draw();
    return {
      node: box,
      value() {
        if (mode.value === "fixed")
          return fixed.value === "" ? { wrong: p.name + " has no value." } : { fixed: Number(fixed.value) };
        const found = mode.value === "list" ? list(values.value) : steps(Number(from.value), Number(to.value), Number(by.value));
        if (found) return { values: found };
        return { wrong: p.name + (mode.value === "list" ? ": a list of numbers, such as 10, 20, 30." : ": from, to and step must give 1 to " + VALUES_MAX + " values.") };
      },
    };
  };

  // The whole form; options: schema, entries, holder, submit(body), estimate(body).
  R.gridForm = ({ schema, entries, holder, submit, changed }) => {
    const node = A.el("form", "setup"), rows = {};
    const strategy = R.form.select(schema.strategies.map((s) => [s.name, s.name]));
    const metric = R.form.select(schema.metrics.map((m) => [m.name, m.label + (m.unit ? ", " + m.unit : "")]), "trading_pnl_usd");
    const data = R.form.dataPart({ entries }), terms = R.form.termsPart();
    const running = schema.strategies[0].running || {};
    const grid = A.el("div");
    for (const p of schema.params) {
      rows[p.name] = R.gridRow(p, running[p.name] ?? p.default, changed);
      grid.appendChild(rows[p.name].node);
    }
    const count = A.el("p", "count"), go = A.el("button", "primary", "Start search");
    count.setAttribute("aria-live", "polite");
    go.type = "submit";
    node.append(R.form.field("strategy", "Strategy", strategy), data.node, terms.capital,
      R.form.field("metric", "Best by", metric), grid, terms.node, count, go);
    node.noValidate = true;
    node.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    for (const part of [data.node, terms.node, terms.capital, metric]) part.addEventListener("input", changed);
    data.node.addEventListener("change", changed);
    holder.replaceChildren(node);
    return {
      node, go, count,
      value() {
        const params = {}, param_grid = {};
        for (const [name, row] of Object.entries(rows)) {
          const found = row.value();
          if (found.wrong) return { wrong: found.wrong, field: "param_grid." + name };
          if (found.values) param_grid[name] = found.values;
          else params[name] = found.fixed;
        }
        if (!Object.keys(param_grid).length) return { wrong: "No parameter varies: choose a range or a list for one.", field: null };
        return { body: { strategy: strategy.value, ...data.value(), ...terms.value(), metric: metric.value, params, param_grid } };
      },
    };
  };
})();
