// Drawing: one frame of the disk on a canvas. `scene` is what the page knows, `frame` is what changes from frame to frame.

function readTheme() {
  const style = getComputedStyle(document.documentElement), theme = { branches: [] };
  for (const name of ["disk", "ink", "soft", "rim", "other", "mark"]) theme[name] = style.getPropertyValue("--" + name).trim();
  for (let i = 0; style.getPropertyValue("--branch" + i); i++) theme.branches.push(style.getPropertyValue("--branch" + i).trim());
  return theme;
}

function colourOf(scene, theme, i) {
  return scene.branch[i] < 0 ? theme.other : theme.branches[scene.branch[i] % theme.branches.length];
}

// How large things at node i look: 1 at the centre, towards 0 at the rim.
function nearness(frame, i) {
  const x = frame.places[2 * i], y = frame.places[2 * i + 1];
  return Math.max(0, 1 - x * x - y * y);
}

function dotRadius(scene, frame, i) {
  const own = 2.1 + 2.6 / (1 + 0.7 * scene.depth[i]) + 0.22 * Math.log2(scene.size[i]);
  return Math.max(0.7, own * (0.22 + 0.78 * nearness(frame, i)) * frame.unit);
}

function drawFrame(ctx, scene, frame, theme) {
  const { cx, cy, scale } = frame;
  ctx.clearRect(0, 0, frame.width, frame.height);
  ctx.beginPath();
  ctx.arc(cx, cy, scale, 0, 2 * Math.PI);
  ctx.fillStyle = theme.disk;
  ctx.fill();
  ctx.save();
  ctx.clip();
  const lit = frame.focus >= 0 ? relatives(scene, frame.focus) : null;
  drawEdges(ctx, scene, frame, theme, lit);
  drawDots(ctx, scene, frame, theme, lit);
  ctx.restore();
  ctx.beginPath();
  ctx.arc(cx, cy, scale, 0, 2 * Math.PI);
  ctx.lineWidth = 1.25;
  ctx.strokeStyle = theme.rim;
  ctx.stroke();
  drawLabels(ctx, scene, frame, theme);
}

// The path of a node to its root and its own edges: what lights up with it.
function relatives(scene, focus) {
  const nodes = new Set([focus]), edges = new Set(scene.touching[focus]);
  for (let i = focus; i >= 0; i = scene.parent[i]) {
    nodes.add(i);
    if (scene.upward[i] >= 0) edges.add(scene.upward[i]);
  }
  for (const e of scene.touching[focus]) nodes.add(scene.edges[2 * e]).add(scene.edges[2 * e + 1]);
  return { nodes, edges };
}

// Edges of one colour and width share one path: a thousand strokes become some twenty.
function drawEdges(ctx, scene, frame, theme, lit) {
  const { places, scale, cx, cy } = frame, paths = new Map(), bright = new Path2D();
  for (let e = 0; 2 * e < scene.edges.length; e++) {
    const child = scene.edges[2 * e], parent = scene.edges[2 * e + 1];
    const ax = places[2 * parent], ay = places[2 * parent + 1], bx = places[2 * child], by = places[2 * child + 1];
    if (Math.abs(ax - bx) + Math.abs(ay - by) < 0.4 / scale) continue;
    const near = Math.max(nearness(frame, child), nearness(frame, parent));
    const level = near > 0.75 ? 3 : near > 0.4 ? 2 : near > 0.12 ? 1 : 0, key = 16 * scene.branch[child] + level;
    if (!paths.has(key)) paths.set(key, { path: new Path2D(), level, colour: colourOf(scene, theme, child) });
    addGeodesic(lit && lit.edges.has(e) ? bright : paths.get(key).path, ax, ay, bx, by, scale, cx, cy);
  }
  ctx.lineCap = "round";
  for (const { path, level, colour } of paths.values()) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = [0.65, 0.85, 1.15, 1.5][level] * frame.unit;
    ctx.globalAlpha = [0.5, 0.55, 0.65, 0.75][level] * (lit ? 0.45 : 1);
    ctx.stroke(path);
  }
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.mark;
  ctx.lineWidth = 2 * frame.unit;
  ctx.stroke(bright);
}

function drawDots(ctx, scene, frame, theme, lit) {
  const { places, scale, cx, cy } = frame, paths = new Map();
  for (let i = 0; i < scene.count; i++) {
    const x = cx + scale * places[2 * i], y = cy - scale * places[2 * i + 1], r = dotRadius(scene, frame, i);
    const key = 2 * scene.branch[i] + (lit && !lit.nodes.has(i) ? 1 : 0);
    if (!paths.has(key)) paths.set(key, { path: new Path2D(), colour: colourOf(scene, theme, i), faint: key & 1 });
    const { path } = paths.get(key);
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
  }
  for (const { path, colour, faint } of paths.values()) {
    ctx.globalAlpha = faint ? 0.4 : 1;
    ctx.fillStyle = colour;
    ctx.fill(path);
  }
  ctx.globalAlpha = 1;
  for (const i of [frame.selected, frame.focus]) {
    if (i < 0) continue;
    ctx.beginPath();
    ctx.arc(cx + scale * places[2 * i], cy - scale * places[2 * i + 1], dotRadius(scene, frame, i) + 3, 0, 2 * Math.PI);
    ctx.lineWidth = 1.75;
    ctx.strokeStyle = theme.mark;
    ctx.stroke();
  }
}

// Names of the nodes that look largest and of the selected node's neighbours, placed one by one where they hide no other.
// Names shown in the last frame go first, or they would flicker while the picture moves.
function drawLabels(ctx, scene, frame, theme) {
  const { places, scale, cx, cy } = frame, wanted = [], boxes = [], shown = new Set();
  const kin = new Set(frame.selected < 0 ? [] : relatives(scene, frame.selected).nodes);
  for (let i = 0; i < scene.count; i++) {
    const near = nearness(frame, i);
    if (near < 0.04 && !kin.has(i) && !(near > 0.003 && scene.heads.includes(i))) continue;
    const weight = (0.03 + near * near) * (1 + 0.5 * Math.log2(scene.size[i])) * (frame.labelled.has(i) ? 1.35 : 1) * (kin.has(i) ? 2 : 1);
    wanted.push({ i, near, weight: i === frame.selected ? Infinity : weight });
  }
  wanted.sort((a, b) => b.weight - a.weight);
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  for (const { i, near } of wanted.slice(0, 120)) {
    if (shown.size >= 30) break;
    const size = Math.round(2 * Math.max(9.5, (10 + 3.5 * near) * Math.min(1, frame.unit))) / 2;
    ctx.font = `${scene.children[i].length ? 600 : 400} ${size}px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif`;
    const text = scene.short[i], width = ctx.measureText(text).width, gap = dotRadius(scene, frame, i) + 4;
    const x = cx + scale * places[2 * i], y = cy - scale * places[2 * i + 1];
    const side = places[2 * i] >= 0 ? 1 : -1;
    const spots = [
      [side > 0 ? x + gap : x - gap - width, y], [side > 0 ? x - gap - width : x + gap, y],
      [x - width / 2, y - gap - size / 2], [x - width / 2, y + gap + size / 2],
    ];
    for (const [left, middle] of spots) {
      const box = [left - 3, middle - size * 0.62, left + width + 3, middle + size * 0.62];
      if (box[0] < 0 || box[2] > frame.width || box[1] < 0 || box[3] > frame.height) continue;
      if (boxes.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])) continue;
      boxes.push(box);
      shown.add(i);
      ctx.globalAlpha = frame.focus >= 0 && i !== frame.focus ? 0.6 : 1;
      ctx.lineWidth = 3.5;
      ctx.strokeStyle = theme.disk;
      ctx.strokeText(text, left, middle);
      ctx.fillStyle = theme.ink;
      ctx.fillText(text, left, middle);
      break;
    }
  }
  ctx.globalAlpha = 1;
  frame.labelled = shown;
}
