// What pages do beyond showing: search by "/", copy, times that go on, news from the store, charts.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const typing = (node) => node.closest("input, textarea, select, [contenteditable]");

  if (matchMedia("(max-width: 760px)").matches) all("details[data-fold]").forEach((part) => { if (`#${part.id}` !== location.hash) part.open = false; });

  document.addEventListener("keydown", (event) => {
    const find = document.getElementById("find");
    if (event.key === "/" && find && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
      event.preventDefault();
      find.focus();
      find.select();
    }
    if (event.key === "Escape") all("details.menu[open]").forEach((menu) => { menu.open = false; });
  });

  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  async function copy(button) {
    const before = button.dataset.said || (button.dataset.said = button.textContent);
    button.textContent = (await written(button.dataset.copy)) ? "Copied" : "Select and copy it";
    setTimeout(() => { button.textContent = before; }, 1600);
  }

  async function written(text) {
    // The clipboard is there only over HTTPS and on this machine itself; elsewhere the old way still works.
    if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }

  // An address that is made by a press of a button is copied by the same press, for which browsers let a page do so.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-make]");
    if (!form || !navigator.clipboard || !window.ClipboardItem) return;
    event.preventDefault();
    const made = fetch(form.action, {
      method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
    }).then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))));
    const text = made.then((told) => new Blob([told.address], { type: "text/plain" }));
    const copied = navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]).then(() => "?copied=yes", () => "");
    made.then(async (told) => location.assign(told.page + (await copied)), () => form.submit());
  });

  // The bookmark is made here, so that no page has a link that runs something; it leads to where this page is served.
  all("a[data-bookmark]").forEach((link) => {
    link.href = `javascript:void open(${JSON.stringify(`${location.origin}/new?site=`)}+encodeURIComponent(location.host))`;
  });

  // Times are told by the clock of the server, which may differ from the one here.
  const ahead = Date.parse(document.body.dataset.now) - Date.now();
  const steps = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [5184000, 86400, "d"]];
  function tick() {
    all("time[data-ago]").forEach((node) => {
      const seconds = Math.floor((Date.now() + ahead - Date.parse(node.dateTime)) / 1000);
      const step = steps.find(([below]) => seconds < below);
      if (seconds >= 0 && step) node.textContent = `${Math.floor(seconds / step[1])} ${step[2]} ago`;
    });
  }
  if (ahead === ahead) setInterval(tick, 20000);

  // What starts is waited for: the page goes on as soon as it answers.
  all("[data-await]").forEach((node) => {
    const look = () => fetch(node.dataset.await, { cache: "no-store" })
      .then((answer) => { if (answer.ok) location.assign(node.dataset.then); else setTimeout(look, 500); }, () => setTimeout(look, 500));
    setTimeout(look, 1000);
  });

  // News: the pages' own parts ask for themselves again when the store says that something came.
  if (document.querySelector("[data-live]")) {
    const source = new EventSource("/live");
    const tell = (live) => document.body.classList.toggle("live", live);
    source.addEventListener("open", () => tell(true));
    source.addEventListener("error", () => tell(false));
    for (const [kind, change] of [["hit", "hit"], ["self-test", "hit"], ["canary", "canary"]])
      source.addEventListener(kind, () => htmx.trigger(document.body, change));
    let seen = newest();
    document.addEventListener("htmx:afterSettle", () => {
      all("tr[data-id]").forEach((row) => row.classList.toggle("fresh", Number(row.dataset.id) > seen));
      seen = newest();
    });
  }

  function newest() {
    return Math.max(0, ...all("tr[data-id]").map((row) => Number(row.dataset.id)));
  }

  // Charts: what stands in the page without a script is drawn again, to be read week by week.
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }
  const COLOURS = { expected: "own", supplier: "supplier", "third-party": "third", spam: "spam", other: "other" };

  function date(at, parts) {
    return new Date(at * 1000).toLocaleDateString("en-GB", { ...parts, timeZone: "UTC" });
  }

  function stacked(layers) {
    const sums = [];
    layers.forEach((layer, at) => sums.push(layer.map((n, week) => n + (at ? sums[at - 1][week] : 0))));
    return sums;
  }

  function flags(marks) {
    return (u) => {
      const { ctx, bbox } = u, ratio = devicePixelRatio;
      let written = -1e9;
      ctx.save();
      ctx.textAlign = "left";
      ctx.textBaseline = "alphabetic";
      ctx.font = `${12 * ratio}px system-ui, sans-serif`;
      for (const [at, text] of marks) {
        const x = Math.round(u.valToPos(at, "x", true));
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.strokeStyle = colour("dim");
        ctx.setLineDash([2 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top - 4 * ratio);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        const wide = ctx.measureText(text).width, gap = 4 * ratio;
        const left = x + gap + wide > bbox.left + bbox.width ? x - gap - wide : x + gap;
        if (left < written + gap) continue;
        ctx.fillStyle = colour("ink");
        ctx.fillText(text, left, bbox.top - 6 * ratio);
        written = left + wide;
      }
      ctx.restore();
    };
  }

  function draw(figure) {
    const { weeks, layers, words, marks } = JSON.parse(figure.dataset.chart);
    const names = Object.keys(layers), sums = stacked(Object.values(layers)).reverse(), said = figure.nextElementSibling;
    const shown = [...names].reverse();
    const axis = { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const options = {
      width: figure.clientWidth, height: figure.clientHeight, padding: [20, 8, 0, 0],
      legend: { show: false }, cursor: { y: false, points: { show: false }, drag: { setScale: false } },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(high, 4)] } },
      axes: [{ ...axis, grid: { show: false }, size: 40, space: 76, values: (_, splits, axisAt, space, step) => splits.map((at) => date(at, step < 28 * 86400 ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" })) }, { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000] }],
      series: [{}, ...shown.map((name) => ({ fill: colour(COLOURS[name]), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.84, 60] }) }))],
      hooks: {
        draw: [flags(marks)],
        setCursor: [(u) => {
          const at = u.cursor.idx;
          if (at === null || at === undefined) { said.textContent = said.dataset.said; return; }
          const parts = names.filter((name) => layers[name][at]).map((name) => `${layers[name][at]} ${words[name]}`);
          said.textContent = `Week of ${date(weeks[at], { day: "numeric", month: "short", year: "numeric" })}: ${parts.join("; ") || "nothing"}`;
        }],
      },
    };
    figure.replaceChildren();
    return new uPlot(options, [weeks, ...sums], figure);
  }

  all("[data-chart]").forEach((figure) => {
    let plot = draw(figure);
    const again = () => { plot.destroy(); plot = draw(figure); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    new ResizeObserver(() => {
      if (figure.clientWidth !== plot.width) plot.setSize({ width: figure.clientWidth, height: figure.clientHeight });
    }).observe(figure);
  });
})();
