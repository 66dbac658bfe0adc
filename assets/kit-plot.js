// Lines over time for results that stand still: uPlot with a read-out of the values under the pointer.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const DAY_S = 86400;

  // Ticks with the date where the span needs it.
  function ticks(u, values) {
    const span = u.scales.x.max - u.scales.x.min;
    return values.map((second) => {
      const text = new Date(second * 1000).toISOString();
      return span > 3 * DAY_S ? text.slice(5, 10) : span > DAY_S ? text.slice(5, 16).replace("T", " ") : text.slice(11, 16);
    });
  }
  function zero(u) {
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
  function words(u, text, x, y, align) {
    u.ctx.save();
    u.ctx.font = 11 * devicePixelRatio + "px system-ui, sans-serif";
    u.ctx.fillStyle = colour("soft");
    u.ctx.textAlign = align;
    u.ctx.textBaseline = "top";
    u.ctx.fillText(text, x, y);
    u.ctx.restore();
  }

  // A chart in `place`: set({times (s), lines: [{label, values, colour, fill}], note, empty, from, to}).
  R.plot = (place, label) => {
    const node = A.byId(place), box = A.el("div", "plot-box"), read = A.el("div", "plot-line");
    let chart = null, last = null;
    box.setAttribute("role", "img");
    node.replaceChildren(box, read);
    node.classList.add("stack");

    function readout(u) {
      const index = u.cursor.idx ?? u.data[0].length - 1;
      if (index < 0 || !u.data[0].length) {
        A.text(read, "");
        return;
      }
      const at = new Date(u.data[0][index] * 1000).toISOString().slice(0, 19).replace("T", " ");
      A.text(read, at + " UTC · " + last.lines.map((line, i) =>
        line.label + " " + A.signed(u.data[i + 1][index], 2) + " USD").join(" · "));
    }
    function draw() {
      if (chart) chart.destroy();
      chart = null;
      if (!last || box.clientWidth < 20) return;
      const base = { stroke: colour("soft"), font: "11px system-ui, sans-serif", grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
      chart = new window.uPlot({
        width: box.clientWidth, height: Math.max(60, box.clientHeight), legend: { show: false }, padding: [8, 18, 0, 0],
        cursor: { y: false, drag: { x: true, y: false }, points: { size: 6 } },
        scales: {
          x: { range: (u, low, high) => (low === null ? [last.from || 0, last.to || 1] : [last.from ?? low, last.to ?? high]) },
          y: { range: (u, low, high) => {
            if (low === null) return [-1, 1];
            const pad = Math.max((high - low) * 0.12, 0.05);
            return [Math.min(low, 0) - pad, Math.max(high, 0) + pad];
          } },
        },
        series: [{}, ...last.lines.map((line) => ({
          stroke: colour(line.colour), width: 1.75, spanGaps: false, points: { show: false },
          paths: window.uPlot.paths.stepped({ align: 1 }), fill: line.fill ? colour(line.colour) + "33" : undefined,
        }))],
        axes: [
          { ...base, size: 24, gap: 4, space: 90, grid: { show: false }, values: ticks },
          { ...base, size: 60, gap: 4, space: 34, values: (u, values) => values.map((v) => A.signed(v, Math.abs(v) >= 100 ? 0 : 2)) },
        ],
        hooks: {
          draw: [(u) => {
            zero(u);
            if (last.note) words(u, last.note, u.bbox.left + 6 * devicePixelRatio, u.bbox.top + 2 * devicePixelRatio, "left");
            if (!last.times.length) words(u, last.empty || "nothing to draw", u.bbox.left + u.bbox.width / 2, u.bbox.top + u.bbox.height / 2, "center");
          }],
          setCursor: [readout],
        },
      }, [last.times, ...last.lines.map((line) => line.values)], box);
      readout(chart);
    }
    document.addEventListener("arbdeck-redraw", draw);
    return {
      set(data) {
        last = data;
        const end = data.lines.map((line) => line.label + " " + A.signed(line.values[line.values.length - 1], 2) + " USD");
        box.setAttribute("aria-label", label + (data.times.length ? ", last: " + end.join(", ") : ": " + (data.empty || "nothing")));
        draw();
      },
      draw,
    };
  };
})();
