// A table over a list of the API: sorting where the list can be sorted, paging by cursor, and its empty and failed states.
(function () {
  "use strict";
  const A = (window.arbdeck = window.arbdeck || {});
  const R = A.research;
  const PAGE_SIZE = 20;

  function head(columns, state, resort) {
    const row = A.el("tr");
    for (const column of columns) {
      const cell = row.appendChild(A.el("th", column.num ? "num" : column.css || ""));
      cell.scope = "col";
      if (!column.sort) {
        cell.textContent = column.title;
        continue;
      }
      const here = state.sort === column.sort;
      cell.setAttribute("aria-sort", here ? (state.descending ? "descending" : "ascending") : "none");
      const button = cell.appendChild(A.el("button", "sort", column.title + (here ? (state.descending ? " ▾" : " ▴") : "")));
      button.type = "button";
      button.addEventListener("click", () => resort(column.sort));
    }
    return row;
  }

  function line(columns, item, open) {
    const row = A.el("tr");
    columns.forEach((column) => {
      const found = column.cell(item), value = Array.isArray(found) ? found : [found, ""];
      const cell = row.appendChild(A.el("td", ((column.num ? "num " : "") + (column.css || "") + " " + (value[1] || "")).trim()));
      if (value[0] instanceof Node) cell.appendChild(value[0]);
      else cell.textContent = value[0] ?? A.DASH;
    });
    if (open) {
      const cell = row.appendChild(A.el("td")).appendChild(A.el("div", "actions"));
      cell.append(...open.map(([text, act, label]) => {
        const button = R.button(text, "quiet small", (self) => act(item, self));
        if (label) button.setAttribute("aria-label", label(item));
        return button;
      }));
    }
    return row;
  }

  // options: place, caption, columns [{title, num, css, sort, cell(row) -> text or [text, css] or node}],
  // load({cursor, limit, sort, descending}) -> answer of R.call, empty: sentence, actions: [[text, act(row, button),
  // label(row)]], sort, descending, after(answer).
  R.table = (options) => {
    const state = { cursors: [null], sort: options.sort || null, descending: Boolean(options.descending), asked: 0 };
    const holder = typeof options.place === "string" ? A.byId(options.place) : options.place;
    const wrap = A.el("div", "table-wrap"), table = wrap.appendChild(A.el("table"));
    wrap.tabIndex = 0;
    wrap.setAttribute("role", "region");
    wrap.setAttribute("aria-label", options.caption);
    table.appendChild(A.el("caption", "hidden", options.caption));
    const thead = table.appendChild(A.el("thead")), body = table.appendChild(A.el("tbody"));
    const pager = A.el("div", "pager"), where = A.el("span", "soft");
    const back = R.button("Back", "quiet small", () => { state.cursors.pop(); refresh(); });
    const on = R.button("Next", "quiet small", () => { state.cursors.push(on.dataset.cursor); refresh(); });
    back.setAttribute("aria-label", "Page before of " + options.caption);
    on.setAttribute("aria-label", "Next page of " + options.caption);
    pager.append(back, where, on);
    holder.replaceChildren(wrap, pager);
    const width = options.columns.length + (options.actions ? 1 : 0);

    function notice(text, look) {
      const cell = A.el("td", "notice" + (look ? " c-" + look : ""), (look ? A.shape(look) + " " : "") + text);
      cell.colSpan = width;
      const row = A.el("tr");
      row.appendChild(cell);
      body.replaceChildren(row);
    }
    function drawHead() {
      const row = head(options.columns, state, (column) => {
        state.descending = state.sort === column ? !state.descending : true;
        state.sort = column;
        state.cursors = [null];
        refresh();
      });
      if (options.actions) row.appendChild(A.el("td"));
      thead.replaceChildren(row);
    }
    async function refresh() {
      const asked = (state.asked += 1), cursor = state.cursors[state.cursors.length - 1];
      drawHead();
      const answer = await options.load({ cursor, limit: PAGE_SIZE, sort: state.sort, descending: state.descending });
      if (asked !== state.asked) return;
      if (!answer.ok) notice(answer.text, "critical");
      else if (!answer.data.length) notice(options.empty);
      else body.replaceChildren(...answer.data.map((item) => line(options.columns, item, options.actions)));
      const page = state.cursors.length;
      A.show(pager, answer.ok && (page > 1 || Boolean(answer.next)));
      back.disabled = page === 1;
      on.disabled = !answer.next;
      on.dataset.cursor = answer.next || "";
      A.text(where, "page " + page);
      if (options.after) options.after(answer);
    }
    drawHead();
    notice("Loading ...");
    A.show(pager, false);
    return {
      refresh,
      first() { state.cursors = [null]; return refresh(); },
      get onFirst() { return state.cursors.length === 1; },
    };
  };
  // A table of rows that are already here.
  R.rows = (place, caption, columns, rows, empty, actions) => {
    const table = R.table({ place, caption, columns, empty, actions, load: async () => ({ ok: true, data: rows, next: null }) });
    table.refresh();
  };
})();
