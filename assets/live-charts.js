// The three live charts, in uPlot. Lines end where data ends; what is missing is hatched, never bridged.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const BAR_FIRST_US = 0.1, BARS_A_DECADE = 8, BAR_COUNT = 32, BUDGET_US = 30;
  const SPANS = { "10m": 600, "1h": 3600, "24h": 86400 };
  const SCATTER_SPAN_S = 900;
  const charts = {};
  let range = "10m";

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const utc = (_, values) => values.map((second) => {
    const text = new Date(second * 1000).toISOString();
    return SPANS[range] > 3600 ? text.slice(11, 16) : text.slice(11, 19).replace(/:00$/, "");
  });

  function axes(xValues, yValues) {
    const base = {
      stroke: colour("soft"), font: "11px system-ui, sans-serif",
      grid: { stroke: colour("line"), width: 1 }, ticks: { show: false },
    };
    return [
      { ...base, size: 24, gap: 4, values: xValues, grid: { show: false }, space: 70 },
      { ...base, size: 52, gap: 4, values: yValues, space: 34 },
    ];
  }

  function hatch(u, from, to) {
    const left = Math.max(u.valToPos(from, "x", true), u.bbox.left);
    const right = Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width);
    if (right - left < 2) return;
    const context = u.ctx, step = 9 * devicePixelRatio;
    context.save();
    context.beginPath();
    context.rect(left, u.bbox.top, right - left, u.bbox.height);
    context.clip();
    context.strokeStyle = colour("hatch");
    context.lineWidth = devicePixelRatio;
    context.beginPath();
    for (let x = left - u.bbox.height; x < right; x += step) {
      context.moveTo(x, u.bbox.top + u.bbox.height);
      context.lineTo(x + u.bbox.height, u.bbox.top);
    }
    context.stroke();
    context.restore();
  }

  function label(u, text, x, y, align, name) {
    u.ctx.save();
    u.ctx.font = 11 * devicePixelRatio + "px system-ui, sans-serif";
    u.ctx.fillStyle = colour(name || "soft");
    u.ctx.textAlign = align;
    u.ctx.textBaseline = "top";
    u.ctx.fillText(text, x, y);
    u.ctx.restore();
  }

  function build(id, options, data) {
    const node = A.byId(id);
    if (!node || node.clientWidth < 20) return null;
    node.replaceChildren();
    const size = { width: node.clientWidth, height: node.clientHeight };
    const common = { ...size, legend: { show: false }, cursor: { show: false }, padding: [8, 18, 0, 0] };
    return new window.uPlot({ ...common, ...options }, data, node);
  }

  function zeroLine(u) {
    const y = u.valToPos(0, "y", true);
    if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) return;
    u.ctx.save();
    u.ctx.strokeStyle = colour("soft");
    u.ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.restore();
  }

  // Points to columns; a hole longer than three steps becomes a null, where the line ends.
  function columns(points, from, stepMs) {
    const times = [], values = [];
    let before = null;
    for (const [at, trading] of points) {
      if (at / 1000 < from) continue;
      if (before !== null && at - before > 3 * stepMs) {
        times.push((before + stepMs) / 1000);
        values.push(null);
      }
      times.push(at / 1000);
      values.push(trading);
      before = at;
    }
    return [times, values];
  }

  function curvePoints() {
    const from = A.now() / 1000 - SPANS[range];
    const curve = A.live.curve;
    if (range !== "24h") return columns(curve.fine, from, 1000);
    const last = curve.fine[curve.fine.length - 1];
    return columns(last ? [...curve.coarse, last] : curve.coarse, from, 30000);
  }

  function drawCurve() {
    const data = curvePoints();
    if (!charts.curve) {
      charts.curve = build("overview-curve-plot", {
        scales: {
          x: { range: () => [A.now() / 1000 - SPANS[range], A.now() / 1000] },
          y: { range: (_, low, high) => {
            if (low === null) return [-1, 1];
            const pad = Math.max((high - low) * 0.12, 0.05);
            return [low - pad, high + pad];
          } },
        },
        series: [{}, {
          stroke: () => colour("up"), width: 1.75, paths: window.uPlot.paths.stepped({ align: 1 }),
          points: { show: false }, spanGaps: false,
        }],
        axes: axes(utc, (_, values) => values.map((v) => A.signed(v, Math.abs(v) >= 100 ? 0 : 2))),
        hooks: { draw: [(u) => {
          zeroLine(u);
          const times = u.data[0], end = times.length ? times[times.length - 1] : null;
          if (end !== null && (A.live.stale() || A.now() / 1000 - end > 5)) hatch(u, end, A.now() / 1000);
          if ((A.live.tree.engine || {}).mode === "SIM")
            label(u, "invented market", u.bbox.left + 6 * devicePixelRatio, u.bbox.top + 2 * devicePixelRatio, "left");
          if (!times.length)
            label(u, "no P&L sample yet", u.bbox.left + u.bbox.width / 2, u.bbox.top + u.bbox.height / 2, "center");
        }] },
      }, data);
    } else charts.curve.setData(data);
  }

  const barPosition = (us) => Math.log10(Math.max(us, BAR_FIRST_US) / BAR_FIRST_US) * BARS_A_DECADE;

  function marks(u) {
    const stage = (A.live.tree.latency || {}).TICK_TO_ORDER || [];
    const lines = [["p50", stage[1]], ["p99", stage[2]], ["p99.9", stage[3]]];
    const ratio = devicePixelRatio;
    let taken = -Infinity, row = 0; // pixels that the label before reaches to
    const all = [...lines.map(([n, v]) => [n, v, "text"]), ["budget 30", BUDGET_US, "attention"]];
    for (const [name, us, ink] of all.filter((m) => A.known(m[1])).sort((a, b) => a[1] - b[1])) {
      const x = u.valToPos(barPosition(us), "x", true);
      row = x < taken ? row + 1 : 0;
      taken = x + (name.length * 6.5 + 8) * ratio;
      u.ctx.save();
      u.ctx.strokeStyle = colour(ink);
      u.ctx.lineWidth = ratio;
      if (ink === "attention") u.ctx.setLineDash([4 * ratio, 3 * ratio]);
      u.ctx.beginPath();
      u.ctx.moveTo(x, u.bbox.top);
      u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
      u.ctx.stroke();
      u.ctx.restore();
      label(u, name, x + 3 * ratio, u.bbox.top + row * 13 * ratio, "left", ink);
    }
  }

  function drawHistogram() {
    const bars = A.live.tree.bars || [];
    const data = [Array.from({ length: BAR_COUNT }, (_, i) => i + 0.5), []];
    data[1] = data[0].map((_, i) => (bars[i] > 0 ? Math.log10(bars[i]) + 0.15 : null));
    if (!charts.histogram) {
      charts.histogram = build("overview-hist-plot", {
        scales: {
          x: { time: false, range: [0, BAR_COUNT] },
          y: { range: (_, low, high) => [0, Math.max(1, (high || 0) * 1.25)] },
        },
        series: [{}, {
          stroke: () => colour("bars"), fill: () => colour("bars"), width: 0,
          paths: window.uPlot.paths.bars({ size: [0.82, 40] }), points: { show: false },
        }],
        axes: axes((_, values) => values.map((v) => {
          const us = BAR_FIRST_US * Math.pow(10, v / BARS_A_DECADE);
          return us >= 1000 ? us / 1000 + " ms" : us.toFixed(us < 1 ? 1 : 0) + " µs";
        }), (_, values) => values.map((v) => (Number.isInteger(v) && v > 0 ? A.count(Math.pow(10, v)) : ""))),
        hooks: { draw: [(u) => {
          marks(u);
          if (!(A.live.tree.bars || []).some((n) => n > 0))
            label(u, "no order yet", u.bbox.left + u.bbox.width / 2, u.bbox.top + u.bbox.height / 2, "center");
        }] },
      }, data);
      if (charts.histogram) {
        charts.histogram.axes[0]._splits = null;
        charts.histogram.axes[0].splits = () => [0, 8, 16, 24, 32];
        charts.histogram.axes[1].splits = (u, _, low, high) =>
          Array.from({ length: Math.floor(high) + 1 }, (__, i) => i).filter((v) => v >= low);
        charts.histogram.setData(data);
      }
    } else charts.histogram.setData(data);
  }

  function mark(context, outcome, x, y, size) {
    const look = outcome === "SENT" ? "attention" : A.look(outcome);
    context.strokeStyle = context.fillStyle = colour(look);
    context.beginPath();
    if (look === "attention") {
      context.moveTo(x, y - size);
      context.lineTo(x + size, y + size);
      context.lineTo(x - size, y + size);
      context.closePath();
      context.fill();
    } else if (look === "unknown") {
      context.moveTo(x, y - size * 1.2);
      context.lineTo(x + size * 1.2, y);
      context.lineTo(x, y + size * 1.2);
      context.lineTo(x - size * 1.2, y);
      context.fill();
    } else {
      context.arc(x, y, size, 0, 2 * Math.PI);
      if (look === "normal") context.fill();
      else context.stroke();
    }
  }

  function drawScatter() {
    const from = A.now() / 1000 - SCATTER_SPAN_S;
    const points = Object.values(A.live.tree.points || {}).filter((p) => p[0] / 1000 >= from);
    points.sort((a, b) => a[0] - b[0]);
    A.live.scatter = points;
    const data = [points.map((p) => p[0] / 1000), points.map((p) => p[1])];
    if (!charts.scatter) {
      charts.scatter = build("overview-scatter-plot", {
        scales: {
          x: { range: () => [A.now() / 1000 - SCATTER_SPAN_S, A.now() / 1000] },
          y: { range: (_, low, high) => (low === null ? [0, 10] : [Math.min(0, low - 1), high + 2]) },
        },
        series: [{}, { paths: () => null, points: { show: false } }],
        axes: axes((u, values) => values.map((s) => new Date(s * 1000).toISOString().slice(11, 16)),
          (_, values) => values.map((v) => A.figure(v, 0))),
        hooks: { draw: [(u) => {
          u.ctx.save();
          u.ctx.lineWidth = 1.5 * devicePixelRatio;
          for (const [at, net, outcome] of A.live.scatter)
            mark(u.ctx, outcome, u.valToPos(at / 1000, "x", true), u.valToPos(net, "y", true), 3.6 * devicePixelRatio);
          u.ctx.restore();
          if (A.live.stale()) hatch(u, A.live.dataMs() / 1000, A.now() / 1000);
          if (!A.live.scatter.length)
            label(u, "none in 15 min", u.bbox.left + u.bbox.width / 2, u.bbox.top + u.bbox.height / 2, "center");
        }] },
      }, data);
    } else charts.scatter.setData(data);
  }

  A.charts = {
    draw() { drawCurve(); drawHistogram(); drawScatter(); },
    // Sizes and colours are fixed when a chart is made: a resize or a change of theme makes new ones.
    rebuild() {
      for (const name of Object.keys(charts)) {
        if (charts[name]) charts[name].destroy();
        delete charts[name];
      }
      A.charts.draw();
    },
    range(name) {
      range = name;
      for (const other of Object.keys(SPANS))
        A.byId("overview-range-" + other).setAttribute("aria-pressed", String(other === name));
      drawCurve();
    },
    ranges: Object.keys(SPANS),
  };
})();
