// The page: data in, events in, frames out. Names are put on the page as text only, never as markup.

const find = (id) => document.getElementById(id);
const canvas = find("disk"), stage = find("stage"), tip = find("tip"), search = find("search"), matches = find("matches");
const ctx = canvas.getContext("2d"), calm = matchMedia("(prefers-reduced-motion: reduce)");
const HOME = { radius: 0, angle: 0, turn: 0 };

function readScene() {
  const scene = JSON.parse(find("data").textContent), n = (scene.count = scene.labels.length);
  scene.nodes = makeNodes(scene.radius, scene.angle);
  scene.children = Array.from({ length: n }, () => []);
  scene.touching = Array.from({ length: n }, () => []);
  scene.upward = new Int32Array(n).fill(-1);
  scene.parent.forEach((p, i) => p >= 0 && scene.children[p].push(i));
  for (let e = 0; 2 * e < scene.edges.length; e++) {
    const child = scene.edges[2 * e], parent = scene.edges[2 * e + 1];
    scene.touching[child].push(e);
    scene.touching[parent].push(e);
    if (scene.parent[child] === parent) scene.upward[child] = e;
  }
  scene.short = scene.labels.map((name) => ([...name].length > 28 ? [...name].slice(0, 27).join("") + "…" : name));
  scene.lower = scene.labels.map((name) => name.toLowerCase());
  return scene;
}

const scene = readScene();
const reach = scene.radius.reduce((most, r) => Math.max(most, r), 0) + 2;
let view = HOME, theme = readTheme(), pending = 0, journey = null, hold = null;
const frame = {
  places: new Float64Array(2 * scene.count), labelled: new Set(), focus: -1, selected: -1,
  cx: 0, cy: 0, scale: 1, width: 0, height: 0, unit: 1,
};

function resize() {
  const box = stage.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(box.width * ratio));
  canvas.height = Math.max(1, Math.round(box.height * ratio));
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  Object.assign(frame, { width: box.width, height: box.height, cx: box.width / 2, cy: box.height / 2 });
  frame.scale = Math.max(10, Math.min(box.width, box.height) / 2 - 10);
  frame.unit = Math.min(1.25, Math.max(0.6, frame.scale / 400));
  redraw();
}

function redraw() {
  if (!pending) pending = requestAnimationFrame(step);
}

function step(now) {
  pending = 0;
  if (journey) {
    const t = calm.matches ? 1 : Math.min(1, Math.max(0, (now - journey.start) / journey.time));
    const eased = t < 0.5 ? 4 * t * t * t : 1 - 4 * (1 - t) ** 3;
    view = t < 1 ? glide(journey.from, journey.to, eased) : carried(journey.from, journey.to);
    view.turn = wrap(view.turn + eased * journey.twist);
    if (t >= 1) journey = null;
  }
  project(view, scene.nodes, frame.places);
  drawFrame(ctx, scene, frame, theme);
  placeTip();
  if (journey) redraw();
}

// Travels so that `to` comes to the centre. With `level` the picture also turns upright on the way.
function travel(to, level) {
  const twist = level ? wrap(-carried(view, to).turn) : 0, far = distance(view, to);
  journey = { from: view, to, twist, start: performance.now(), time: 420 + 55 * Math.min(16, far) };
  redraw();
}

function go(i) {
  frame.selected = i;
  find("said").textContent = scene.labels[i];
  travel({ radius: scene.nodes.radius[i], angle: scene.nodes.angle[i] }, false);
}

function reset() {
  frame.selected = -1;
  setFocus(-1);
  travel(HOME, true);
}

function setFocus(i) {
  if (i === frame.focus) return;
  frame.focus = i;
  canvas.classList.toggle("over", i >= 0);
  tip.hidden = i < 0;
  if (i >= 0) {
    tip.firstChild.textContent = scene.labels[i];
    const path = [];
    for (let p = scene.parent[i]; p >= 0; p = scene.parent[p]) path.push(scene.labels[p]);
    tip.lastChild.textContent = path.length > 5 ? path.slice(0, 4).join(" › ") + " › … › " + path.at(-1) : path.join(" › ");
  }
  redraw();
}

function placeTip() {
  if (frame.focus < 0) return;
  const x = frame.cx + frame.scale * frame.places[2 * frame.focus], y = frame.cy - frame.scale * frame.places[2 * frame.focus + 1];
  // On the side away from the centre, where it hides least.
  const left = x < frame.cx ? x - tip.offsetWidth - 12 : x + 12, top = y < frame.cy ? y - tip.offsetHeight - 12 : y + 12;
  const within = (value, most) => Math.round(Math.max(4, Math.min(most - 4, value)));
  tip.style.transform = `translate(${within(left, frame.width - tip.offsetWidth)}px, ${within(top, frame.height - tip.offsetHeight)}px)`;
}

// The node drawn nearest to a place of the page, or -1 when none is within a finger's width.
function nodeAt(clientX, clientY) {
  const box = canvas.getBoundingClientRect(), x = (clientX - box.left - frame.cx) / frame.scale, y = -(clientY - box.top - frame.cy) / frame.scale;
  let best = -1, least = (14 / frame.scale) ** 2;
  for (let i = 0; i < scene.count; i++) {
    const dx = frame.places[2 * i] - x, dy = frame.places[2 * i + 1] - y, d = dx * dx + dy * dy;
    if (d < least) [best, least] = [i, d];
  }
  return best;
}

function diskPlace(event) {
  const box = canvas.getBoundingClientRect();
  const x = (event.clientX - box.left - frame.cx) / frame.scale, y = -(event.clientY - box.top - frame.cy) / frame.scale;
  const shrink = Math.min(1, 0.92 / Math.hypot(x, y));
  return [x * shrink, y * shrink];
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  canvas.setPointerCapture(event.pointerId);
  hold = { place: diskPlace(event), x: event.clientX, y: event.clientY, moved: false };
});
canvas.addEventListener("pointermove", (event) => {
  if (!hold) return setFocus(journey ? -1 : nodeAt(event.clientX, event.clientY));
  if (!hold.moved && Math.hypot(event.clientX - hold.x, event.clientY - hold.y) < 5) return;
  if (!hold.moved) setFocus(-1);
  hold.moved = true;
  journey = null;
  canvas.classList.add("held");
  const place = diskPlace(event);
  view = dragged(view, ...hold.place, ...place, reach);
  hold.place = place;
  redraw();
});
canvas.addEventListener("pointerup", (event) => {
  const node = hold && !hold.moved ? nodeAt(event.clientX, event.clientY) : -1;
  release();
  if (node >= 0) go(node);
});
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => hold || setFocus(-1));

function release() {
  hold = null;
  canvas.classList.remove("held");
}

canvas.addEventListener("keydown", (event) => {
  const i = frame.selected, parent = i < 0 ? -1 : scene.parent[i], row = parent < 0 ? [] : scene.children[parent];
  const roots = scene.parent.indexOf(-1);
  const turn = (by) => row.at((row.indexOf(i) + by) % row.length);
  const to = { ArrowUp: parent, ArrowDown: i < 0 ? roots : scene.children[i][0], ArrowLeft: turn(-1), ArrowRight: turn(1) }[event.key];
  if (!event.key.startsWith("Arrow")) return;
  event.preventDefault();
  if (to >= 0) go(to);
});
