// The live page: one WebSocket, one tree, patches merged by number, painted at the rate a person can read.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const LOST_AFTER_MS = 1500, TEXT_EVERY_MS = 250, CHART_EVERY_MS = 500;
  const RETRY_MS_FIRST = 200, RETRY_MS_MAX = 3000, FINE_MAX = 3600, COARSE_STEP_MS = 30000, COARSE_MAX = 2880;
  const KEYED_MAX = { points: 500, opportunities: 20, orders: 20, fills: 20 };
  const SIGNED_OUT = 4401;
  let socket = null, sequence = -1, retryMs = RETRY_MS_FIRST, receivedAt = null, serverMs = Date.now();
  let framePending = false, textAt = 0, chartAt = 0;

  // Server time, carried on by the browser's steady clock.
  A.now = () => (receivedAt === null ? Date.now() : serverMs + (performance.now() - receivedAt));
  A.live = {
    tree: {}, curve: { fine: [], coarse: [] }, scatter: [],
    get receivedMs() { return serverMs; },
    lost: () => receivedAt === null || performance.now() - receivedAt > LOST_AFTER_MS,
    stale: () => A.live.lost() || !A.live.tree.link || A.live.tree.link.word !== "OK",
    // Unix ms of the figures on the page.
    dataMs() {
      const link = A.live.tree.link;
      return link && link.word !== "OK" && link.since ? Math.min(link.since, serverMs) : serverMs;
    },
    // Seconds since the figures on the page were true; null when there are none.
    ageS() {
      if (!A.live.tree.engine) return null;
      return A.live.stale() ? (A.now() - A.live.dataMs()) / 1000 : A.live.tree.beat;
    },
    // What has to be added to ages that stopped with the figures.
    extraS: () => (A.live.stale() ? (A.now() - A.live.dataMs()) / 1000 : 0),
    connects: 0,
  };

  const isTree = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  function merge(into, patch) {
    for (const [key, value] of Object.entries(patch)) {
      if (isTree(value) && isTree(into[key])) merge(into[key], value);
      else into[key] = value;
    }
  }
  // Keyed rows only ever grow by patches: drop the oldest here, as the hub does on its side.
  function prune() {
    for (const [name, most] of Object.entries(KEYED_MAX)) {
      const rows = A.live.tree[name], keys = rows ? Object.keys(rows) : [];
      for (const key of keys.slice(0, Math.max(0, keys.length - most))) delete rows[key];
    }
  }
  function extendCurve(points) {
    const { fine, coarse } = A.live.curve;
    for (const point of points) {
      fine.push(point);
      const last = coarse[coarse.length - 1];
      if (!last || point[0] - last[0] >= COARSE_STEP_MS) coarse.push(point);
    }
    if (fine.length > FINE_MAX) fine.splice(0, fine.length - FINE_MAX);
    if (coarse.length > COARSE_MAX) coarse.splice(0, coarse.length - COARSE_MAX);
  }

  function receive(event) {
    const message = JSON.parse(event.data);
    if (message.t === "tree") {
      A.live.tree = message.tree;
      A.live.curve = message.curve;
    } else if (message.seq !== sequence + 1) {
      socket.close(); // a patch is missing: a new connection brings the whole tree
      return;
    } else {
      merge(A.live.tree, message.p);
      if (message.curve) extendCurve(message.curve);
      prune();
    }
    sequence = message.seq;
    serverMs = message.now;
    receivedAt = performance.now();
    retryMs = RETRY_MS_FIRST;
    schedule();
  }

  function connect() {
    socket = new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws/live");
    A.live.connects += 1;
    socket.addEventListener("message", receive);
    socket.addEventListener("close", (event) => {
      if (event.code === SIGNED_OUT) {
        location.assign("/login");
        return;
      }
      setTimeout(connect, retryMs);
      retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
      signedIn();
    });
  }

  // A handshake refused for want of a session looks like a lost server: ask which it is.
  async function signedIn() {
    try {
      const response = await fetch("/api/v2/engine/status", { headers: { Accept: "application/json" } });
      if (response.status === 401) location.assign("/login");
    } catch (error) { /* the server is gone; the banner says so */ }
  }

  function schedule() {
    if (framePending) return;
    framePending = true;
    requestAnimationFrame(paint);
  }
  function paint(now) {
    framePending = false;
    A.panels.fast();
    if (!A.onOverview) return; // other pages have the header and the banner only
    if (now - textAt >= TEXT_EVERY_MS) {
      textAt = now;
      A.panels.slow();
      A.tables.draw();
      A.actions.draw();
    }
    if (now - chartAt >= CHART_EVERY_MS) {
      chartAt = now;
      A.charts.draw();
    }
  }

  function bindTheme() {
    const root = document.documentElement;
    A.byId("theme-button").addEventListener("click", () => {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("arbdeck-theme", root.dataset.theme); } catch (error) { /* not remembered then */ }
      redraw();
    });
  }
  // Sizes and colours of charts are fixed when they are made.
  function redraw() {
    if (A.onOverview) A.charts.rebuild();
    document.dispatchEvent(new Event("arbdeck-redraw"));
  }

  function start() {
    A.actions.bind();
    bindTheme();
    A.onOverview = Boolean(A.byId("overview-fill-rows"));
    for (const name of A.onOverview ? A.charts.ranges : [])
      A.byId("overview-range-" + name).addEventListener("click", () => A.charts.range(name));
    let resizeTimer = 0;
    window.addEventListener("resize", () => {
      clearTimeout(resizeTimer);
      resizeTimer = setTimeout(redraw, 150);
    });
    setInterval(schedule, TEXT_EVERY_MS); // ages grow also when nothing arrives
    connect();
  }

  // Dash builds the page after its scripts are loaded; `begin` runs when the node is there.
  A.whenThere = (id, begin) => {
    if (A.byId(id)) {
      begin();
      return;
    }
    const observer = new MutationObserver(() => {
      if (!A.byId(id)) return;
      observer.disconnect();
      begin();
    });
    observer.observe(document.documentElement, { childList: true, subtree: true });
  };
  // The last part of the frame: with it the whole page is there.
  A.whenThere("phone-kill", start);
})();
