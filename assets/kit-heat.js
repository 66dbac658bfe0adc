// The heat map: one figure over two parameters of a study; where more parameters vary, the best over the others.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research;
  const TINT_MAX = 42, TEXT_CELLS_MAX = 160; // percent of colour behind the text, so that it stays readable
  const axis = (trials, name) => [...new Set(trials.map((t) => t.params[name]))].sort((a, b) => a - b);

  // Cells keyed "x|y" -> the trial with the best value; undefined figures never win.
  function best(trials, x, y, metric) {
    const cells = new Map();
    for (const trial of trials) {
      const key = trial.params[x] + "|" + (y ? trial.params[y] : ""), before = cells.get(key);
      const value = trial.metrics ? trial.metrics[metric.name] : null, old = before && before.metrics ? before.metrics[metric.name] : null;
      if (!before || (A.known(value) && (!A.known(old) || (metric.more_is_better ? value > old : value < old)))) cells.set(key, trial);
    }
    return cells;
  }

  // Distance from zero (or from the lowest where all have one sign) as an amount of colour: up is good, down is not.
  function tint(value, low, high, metric) {
    if (!A.known(value)) return "";
    const mixed = low < 0 && high > 0, reach = mixed ? Math.max(-low, high) : high - low || 1;
    const share = mixed ? Math.abs(value) / reach : (metric.more_is_better ? value - low : high - value) / reach;
    const hue = mixed && (value < 0) === metric.more_is_better ? "down" : "up";
    return "color-mix(in srgb, var(--" + hue + ") " + (share * TINT_MAX).toFixed(0) + "%, var(--panel))";
  }

  R.metricText = (metric, value) => {
    if (!A.known(value)) return A.DASH;
    if (/_fraction$/.test(metric.name)) return R.percent(value, 2);
    return A.figure(value, Number.isInteger(value) && Math.abs(value) >= 1 ? 0 : 2);
  };
  R.metricUnit = (metric) => (/_fraction$/.test(metric.name) ? "%" : metric.unit);

  // draw({place, trials, params: [names that vary], units, metric, x, y, pick(trial)})
  R.heat = (options) => {
    const { trials, metric, x, y } = options, place = A.byId(options.place);
    if (!trials.length || !x) {
      place.replaceChildren(A.el("p", "notice", trials.length ? "One parameter at least must vary." : "No trial is finished yet."));
      return;
    }
    const cells = best(trials, x, y, metric), xs = axis(trials, x), ys = y ? axis(trials, y) : [null];
    const values = [...cells.values()].map((t) => (t.metrics || {})[metric.name]).filter(A.known);
    const low = Math.min(...values), high = Math.max(...values), words = xs.length * ys.length <= TEXT_CELLS_MAX;
    const wrap = A.el("div", "table-wrap"), table = wrap.appendChild(A.el("table", "heat"));
    wrap.tabIndex = 0;
    wrap.setAttribute("role", "region");
    wrap.setAttribute("aria-label", "Heat map");
    const unit = (name) => (options.units[name] ? ", " + options.units[name] : "");
    const legend = (metric.label + (R.metricUnit(metric) ? ", " + R.metricUnit(metric) : "") + " · across: " +
      x + unit(x) + (y ? " · down: " + y + unit(y) : "") + (options.params.length > (y ? 2 : 1) ? " · best over the other parameters" : ""));
    table.appendChild(A.el("caption", "hidden", legend));
    const headRow = table.appendChild(A.el("thead")).appendChild(A.el("tr"));
    headRow.appendChild(A.el("td"));
    for (const value of xs) {
      const cell = headRow.appendChild(A.el("th", "num", A.plain(value)));
      cell.scope = "col";
    }
    const body = table.appendChild(A.el("tbody"));
    for (const down of ys) {
      const row = body.appendChild(A.el("tr")), name = row.appendChild(A.el("th", "num", down === null ? "" : A.plain(down)));
      name.scope = "row";
      for (const across of xs) {
        const cell = row.appendChild(A.el("td", "num")), trial = cells.get(across + "|" + (down ?? ""));
        if (!trial) {
          cell.textContent = A.DASH;
          continue;
        }
        const value = (trial.metrics || {})[metric.name], text = R.metricText(metric, value);
        const button = cell.appendChild(R.button(words ? text : "", "cell", () => options.pick(trial)));
        button.style.background = tint(value, low, high, metric);
        button.title = "Trial " + trial.number + ": " + Object.entries(trial.params).map(([k, v]) => k + " " + A.plain(v)).join(", ") + ": " + text;
        button.setAttribute("aria-label", button.title);
        if (trial.number === options.best) button.classList.add("is-best");
      }
    }
    place.replaceChildren(A.el("p", "help", legend), wrap);
  };
})();
