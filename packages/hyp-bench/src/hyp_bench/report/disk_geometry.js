// The hyperbolic plane at unit curvature, in polar coordinates about the origin ("home").
// Hazard: a boost to radius 20 has entries near e^20, and products of boosts cancel to nothing in 16 digits.
// Cure: nodes keep (radius, angle); every view is computed from them directly, by sums of positive terms.
//
// A view is {radius, angle, turn}: the home coordinates of the point at the centre of the picture, and the rotation of the
// picture after the translation along the geodesic that takes that point to the centre.

function makeNodes(radius, angle) {
  return { radius: Float64Array.from(radius), angle: Float64Array.from(angle), spread: Float64Array.from(radius, Math.sinh) };
}

// The places of all nodes in the unit disk as the view shows them: out = [x0, y0, x1, y1, ...].
function project(view, nodes, out) {
  const sinhR = Math.sinh(view.radius), coshR = Math.cosh(view.radius);
  const cos = Math.cos(view.angle + view.turn), sin = Math.sin(view.angle + view.turn);
  for (let i = 0; i < nodes.radius.length; i++) {
    const half = (nodes.angle[i] - view.angle) / 2, gap = nodes.radius[i] - view.radius;
    const s = Math.sin(half), wide = nodes.spread[i] * s * s, near = Math.sinh(gap / 2);
    const x = Math.sinh(gap) - 2 * coshR * wide, y = 2 * nodes.spread[i] * s * Math.cos(half);
    const scale = 1 / (2 + 2 * (near * near + sinhR * wide));
    out[2 * i] = (cos * x - sin * y) * scale;
    out[2 * i + 1] = (sin * x + cos * y) * scale;
  }
  return out;
}

// sinh^2(d / 2) = sinh^2((r - R) / 2) + sinh r sinh R sin^2(Delta / 2): no difference of large numbers.
function distance(p, q) {
  const near = Math.sinh((p.radius - q.radius) / 2), s = Math.sin((p.angle - q.angle) / 2);
  return 2 * Math.asinh(Math.sqrt(near * near + Math.sinh(p.radius) * Math.sinh(q.radius) * s * s));
}

// The view after its centre moved in a straight line (a geodesic) to `to`: the picture turns by the triangle's defect.
function carried(view, to) {
  const delta = to.angle - view.angle, s = Math.sin(delta / 2);
  const both = Math.sinh(view.radius / 2) * Math.sinh(to.radius / 2);
  const defect = 2 * Math.atan2(both * Math.sin(delta), Math.cosh((view.radius - to.radius) / 2) + 2 * both * s * s);
  return { radius: to.radius, angle: to.angle, turn: wrap(view.turn + defect) };
}

// The view at the fraction t of the way to `to`. In the ambient space the geodesic is a combination with positive weights.
function glide(view, to, t) {
  const d = distance(view, to), delta = to.angle - view.angle;
  const from = d > 1e-9 ? Math.sinh((1 - t) * d) / Math.sinh(d) : 1 - t;
  const into = (d > 1e-9 ? Math.sinh(t * d) / Math.sinh(d) : t) * Math.sinh(to.radius);
  const x = from * Math.sinh(view.radius) + into * Math.cos(delta), y = into * Math.sin(delta);
  return carried(view, { radius: Math.asinh(Math.hypot(x, y)), angle: wrap(view.angle + Math.atan2(y, x)) });
}

// The view after the place (ax, ay) of the picture was dragged to (bx, by), at most to the radius `limit`.
// z -> tau_b(tau_-a(z)) moves the centre to the old place (a - b) / (1 - conj(a) b) and turns by 2 arg(1 - conj(a) b).
function dragged(view, ax, ay, bx, by, limit) {
  const re = 1 - (ax * bx + ay * by), im = -(ax * by - ay * bx), norm = re * re + im * im;
  const dx = ax - bx, dy = ay - by;
  const x = (dx * re + dy * im) / norm, y = (dy * re - dx * im) / norm;
  const length = 2 * Math.atanh(Math.min(Math.hypot(x, y), 0.999)), way = Math.atan2(y, x) - view.angle - view.turn;
  const u = Math.sinh(view.radius) * Math.cosh(length) + Math.cosh(view.radius) * Math.sinh(length) * Math.cos(way);
  const v = Math.sinh(length) * Math.sin(way);
  const to = { radius: Math.asinh(Math.hypot(u, v)), angle: wrap(view.angle + Math.atan2(v, u)) };
  if (to.radius > limit) return view;
  const moved = carried(view, to);
  moved.turn = wrap(moved.turn + 2 * Math.atan2(im, re));
  return moved;
}

function wrap(angle) {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

// Adds the geodesic from a to b (places of the disk) to a path, scaled to the screen, as one or two cubic pieces.
// The circle's radius is infinite on a diameter, so it is not used: the arc leaves its chord by delta = arg(1 - conj(a) b).
function addGeodesic(path, ax, ay, bx, by, scale, cx, cy) {
  const dx = bx - ax, dy = by - ay;
  path.moveTo(cx + scale * ax, cy - scale * ay);
  if (Math.abs(dx) + Math.abs(dy) < 2 / scale) {
    path.lineTo(cx + scale * bx, cy - scale * by);
    return;
  }
  const delta = Math.atan2(-(ax * by - ay * bx), 1 - (ax * bx + ay * by));
  // One cubic follows an arc of up to a quarter turn to 3e-4 of its radius; a longer arc is cut in the middle.
  if (Math.abs(delta) < Math.PI / 4) {
    addArc(path, ax, ay, dx, dy, delta, scale, cx, cy);
  } else {
    const h = delta / 2, k = 1 / (2 * Math.cos(h)), cos = k * Math.cos(h), sin = k * Math.sin(h);
    const mx = dx * cos + dy * sin, my = dy * cos - dx * sin;
    addArc(path, ax, ay, mx, my, h, scale, cx, cy);
    addArc(path, ax + mx, ay + my, dx - mx, dy - my, h, scale, cx, cy);
  }
}

// A cubic along the arc from a to a + chord that meets its chord at the angle delta at both ends.
function addArc(path, ax, ay, dx, dy, delta, scale, cx, cy) {
  const half = Math.cos(delta / 2), k = 1 / (3 * half * half), cos = k * Math.cos(delta), sin = k * Math.sin(delta);
  path.bezierCurveTo(
    cx + scale * (ax + dx * cos + dy * sin), cy - scale * (ay + dy * cos - dx * sin),
    cx + scale * (ax + dx - dx * cos + dy * sin), cy - scale * (ay + dy - dy * cos - dx * sin),
    cx + scale * (ax + dx), cy - scale * (ay + dy));
}
