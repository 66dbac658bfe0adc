// Words and figures of the live page, and the few DOM helpers. Text only ever enters the page as textContent.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const DASH = "–";
  const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

  A.DASH = DASH;
  A.known = known;
  A.byId = (id) => document.getElementById(id);

  A.number = (value, digits) =>
    known(value)
      ? Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
      : DASH;
  A.figure = (value, digits) => (known(value) && value < 0 ? "−" : "") + A.number(value, digits);
  A.signed = (value, digits) => {
    if (!known(value)) return DASH;
    const text = A.number(value, digits);
    return (value > 0 && Number(value.toFixed(digits)) !== 0 ? "+" : value < 0 ? "−" : "") + text;
  };
  // Prices and quantities keep the digits they have, at most `digits`.
  A.plain = (value, digits) =>
    known(value) ? value.toLocaleString("en-US", { maximumFractionDigits: digits ?? 8 }) : DASH;
  A.count = (value) => (known(value) ? value.toLocaleString("en-US") : DASH);

  A.micros = (us) => {
    if (!known(us)) return DASH;
    if (us >= 1e6) return (us / 1e6).toFixed(2) + " s";
    if (us >= 1000) return (us / 1000).toFixed(us >= 1e5 ? 0 : 2) + " ms";
    return us.toFixed(us >= 100 ? 0 : 1) + " µs";
  };
  A.age = (seconds) => {
    if (!known(seconds)) return DASH;
    if (seconds < 0.05) return "<0.1 s";
    if (seconds < 9.95) return seconds.toFixed(1) + " s";
    if (seconds < 120) return Math.round(seconds) + " s";
    if (seconds < 7200) return Math.round(seconds / 60) + " min";
    if (seconds < 172800) return Math.round(seconds / 3600) + " h";
    return Math.round(seconds / 86400) + " d";
  };
  A.clock = (ms, millis) => (known(ms) ? new Date(ms).toISOString().slice(11, millis ? 23 : 19) : DASH);
  // With the date in front when it is not today's.
  A.moment = (ms, millis) => {
    if (!known(ms)) return DASH;
    const text = new Date(ms).toISOString();
    const today = new Date(A.now()).toISOString().slice(0, 10);
    return (text.slice(0, 10) === today ? "" : text.slice(5, 10) + " ") + A.clock(ms, millis);
  };
  A.label = (name) => {
    const labels = { binance: "Binance", mexc: "MEXC" };
    return labels[name] || name || DASH;
  };

  // State word -> shape and colour class; never colour alone.
  const LOOKS = {
    normal: "●", attention: "▲", critical: "■", unknown: "◆", off: "○",
  };
  const STATES = {
    ACTIVE: "normal", RUNNING: "normal", UP: "normal", BOTH: "normal", FILLED: "normal",
    STARTING: "attention", HALTED: "attention", REDUCING: "attention", PAUSED: "off", STALE: "attention",
    PARTIAL: "attention", ONE_LEG: "attention", IN_FLIGHT: "attention", HEDGING: "attention",
    ATTENTION: "attention", SENT: "attention", ACKED: "attention", CREATED: "attention",
    KILLED: "critical", DOWN: "critical", MISMATCH: "critical", DISABLED: "critical", QUARANTINED: "critical",
    CRITICAL: "critical", OPEN: "critical", REJECTED: "critical",
    UNKNOWN: "unknown", LOST: "unknown",
    STOPPED: "off", OFF: "off", REFUSED: "off", MISSED: "off", EXPIRED: "off", CANCELED: "off",
    NEVER_ACCEPTED: "off", DUST: "off",
  };
  A.look = (state) => STATES[state] || "unknown";
  A.shape = (look) => LOOKS[look] || LOOKS.unknown;
  A.words = (state) => (state || "unknown").replaceAll("_", " ").toLowerCase();

  A.text = (node, text) => {
    if (typeof node === "string") node = A.byId(node);
    if (node && node.textContent !== text) node.textContent = text;
  };
  A.el = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  A.css = (node, className) => {
    if (node && node.className !== className) node.className = className;
  };
  A.show = (node, visible) => {
    if (typeof node === "string") node = A.byId(node);
    if (node && node.hidden === visible) node.hidden = !visible;
  };
  // Shape and word of a state in one node.
  A.state = (node, state, word) => {
    const look = A.look(state);
    A.css(node, "state c-" + look);
    A.text(node, A.shape(look) + " " + (word || state || "unknown"));
  };
  // Keyed rows that stay the same nodes, so that a button is not replaced under the pointer.
  A.rows = (container, keys, create, update) => {
    if (!container) return;
    const present = new Map(Array.from(container.children, (node) => [node.dataset.key, node]));
    keys.forEach((key, index) => {
      let node = present.get(key);
      if (!node) {
        node = create(key);
        node.dataset.key = key;
      }
      present.delete(key);
      if (container.children[index] !== node) container.insertBefore(node, container.children[index] || null);
      update(node, key);
    });
    for (const node of present.values()) node.remove();
  };
  A.notice = (container, text) =>
    A.rows(container, text ? ["notice"] : [], () => A.el("p", "notice"), (node) => A.text(node, text));
  A.bar = (node, fraction, look) => {
    if (!node) return;
    let fill = node.firstElementChild;
    if (!fill) {
      node.classList.add("bar");
      fill = node.appendChild(A.el("div"));
    }
    A.css(fill, "fill b-" + look);
    const width = known(fraction) ? Math.max(0, Math.min(1, fraction)) * 100 + "%" : "0";
    if (fill.style.width !== width) fill.style.width = width;
  };
})();
