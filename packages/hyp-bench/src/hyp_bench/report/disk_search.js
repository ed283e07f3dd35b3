// The search box, the legend, the keys, and the hook for tests.

let found = [], chosen = 0;

// Nodes whose name has the text in it: equal names first, then names that begin with it, then the rest, short names first.
function matching(text, most) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const rank = (name) => (name === wanted ? 0 : name.startsWith(wanted) ? 1 : name.includes(wanted) ? 2 : 3);
  return scene.lower.map((name, i) => ({ i, rank: rank(name), length: name.length })).filter((m) => m.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.length - b.length || a.i - b.i).slice(0, most).map((m) => m.i);
}

function listMatches() {
  found = matching(search.value, 8);
  chosen = 0;
  matches.replaceChildren(...found.map((i, k) => {
    const item = document.createElement("li");
    item.id = "match" + k;
    item.setAttribute("role", "option");
    item.textContent = scene.labels[i];
    item.addEventListener("pointerdown", (event) => (event.preventDefault(), take(k)));
    return item;
  }));
  if (!found.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = "No node has this in its name";
    matches.append(none);
  }
  matches.hidden = !search.value.trim();
  mark();
}

function mark() {
  [...matches.children].forEach((item, k) => item.setAttribute("aria-selected", String(k === chosen && found.length > 0)));
  search.setAttribute("aria-expanded", String(!matches.hidden));
  if (found.length && !matches.hidden) search.setAttribute("aria-activedescendant", "match" + chosen);
  else search.removeAttribute("aria-activedescendant");
}

function closeMatches() {
  matches.hidden = true;
  mark();
}

function take(k) {
  if (found[k] === undefined) return;
  search.value = scene.labels[found[k]];
  closeMatches();
  canvas.focus();
  go(found[k]);
}

search.addEventListener("input", listMatches);
search.addEventListener("blur", closeMatches);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") take(chosen);
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) {
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
    mark();
  }
});
find("home").addEventListener("click", reset);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    search.value = "";
    closeMatches();
    search.blur();
    reset();
  } else if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

function fillLegend() {
  find("legend").replaceChildren(...scene.heads.map((i) => {
    const item = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("i");
    dot.style.background = `var(--branch${scene.branch[i]})`;
    button.type = "button";
    button.append(dot, scene.short[i]);
    button.addEventListener("click", () => go(i));
    button.addEventListener("pointerenter", () => setFocus(i));
    button.addEventListener("pointerleave", () => setFocus(-1));
    item.append(button);
    return item;
  }));
}

fillLegend();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => ((theme = readTheme()), redraw()));
new ResizeObserver(resize).observe(stage);
resize();

// For tests and for the console. Places are in CSS pixels of the page, disk places in the unit disk with y upwards.
window.hypDisk = {
  labels: scene.labels,
  geometry: { project, distance, carried, glide, dragged, addGeodesic, makeNodes },
  state: () => ({ ...view, moving: journey !== null || pending !== 0, hovered: frame.focus, selected: frame.selected }),
  disk: () => Array.from({ length: scene.count }, (_, i) => [frame.places[2 * i], frame.places[2 * i + 1]]),
  places() {
    const box = canvas.getBoundingClientRect();
    return this.disk().map(([x, y]) => [box.left + frame.cx + frame.scale * x, box.top + frame.cy - frame.scale * y]);
  },
  radius: () => frame.scale,
  lookFrom(i) {
    journey = null;
    view = carried(HOME, { radius: scene.nodes.radius[i], angle: scene.nodes.angle[i] });
    project(view, scene.nodes, frame.places);
    redraw();
  },
  go, reset, matching,
};
