// The world map of a report: truth, answer and the great circle between them, in the colour of their distance. Points are
// zero-length strokes with round ends, one path a class of distance, so that 12,000 of them are a handful of elements.
"use strict";
const THRESHOLDS = [1, 25, 200, 750, 2500];
const MOST_LINES = 1500;
const CELL = 6;
const WIDTH = 1000, HEIGHT = 486.7;

// Equal Earth, as in reports/worldmap.py.
function project(lat, lon) {
  const m = Math.sqrt(3) / 2, a = [1.340264, -0.081106, 0.000893, 0.003796];
  const scale = WIDTH / (2 * Math.PI / (m * a[0]));
  const theta = Math.asin(m * Math.sin(lat * Math.PI / 180)), t2 = theta * theta, t6 = t2 * t2 * t2;
  const x = lon * Math.PI / 180 * Math.cos(theta) / (m * (a[0] + 3 * a[1] * t2 + t6 * (7 * a[2] + 9 * a[3] * t2)));
  const y = theta * (a[0] + a[1] * t2 + t6 * (a[2] + a[3] * t2));
  return [WIDTH / 2 + scale * x, HEIGHT / 2 - scale * y];
}

// The shortest way on a sphere as lines of [lon, lat], cut at the antimeridian, as in reports/worldmap.py.
function greatCircle(lat1, lon1, lat2, lon2) {
  const unit = (lat, lon) => {
    const f = lat * Math.PI / 180, l = lon * Math.PI / 180;
    return [Math.cos(f) * Math.cos(l), Math.cos(f) * Math.sin(l), Math.sin(f)];
  };
  const dot = (p, q) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  const less = (p, q) => { const s = dot(p, q); return p.map((v, i) => v - s * q[i]); };
  const a = unit(lat1, lon1), b = unit(lat2, lon2);
  let across = less(b, a);
  if (Math.hypot(...across) < 1e-9) across = less(Math.abs(a[2]) < 0.999999 ? [0, 0, 1] : [1, 0, 0], a);
  const length = Math.hypot(...across);
  across = across.map((v) => v / length);
  const cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const angle = Math.atan2(Math.hypot(...cross), dot(a, b));
  const steps = Math.max(1, Math.ceil(angle * 180 / Math.PI / 3));
  const points = [], line = [];
  for (let i = 0; i <= steps; i++) {
    const t = angle * i / steps, p = a.map((v, k) => v * Math.cos(t) + across[k] * Math.sin(t));
    points.push(p);
    line.push([Math.atan2(p[1], p[0]) * 180 / Math.PI, Math.asin(Math.max(-1, Math.min(1, p[2]))) * 180 / Math.PI]);
  }
  line[0] = [lon1, lat1];
  line[steps] = [lon2, lat2];
  const lines = [[line[0]]];
  for (let i = 1; i <= steps; i++) {
    if (Math.abs(line[i][0] - line[i - 1][0]) > 180.000001) {  // not over a pole
      const p = points[i - 1], q = points[i], s = p[1] === q[1] ? 0 : p[1] / (p[1] - q[1]);
      const c = p.map((v, k) => v + s * (q[k] - v));
      const lat = Math.asin(c[2] / Math.hypot(...c)) * 180 / Math.PI, side = line[i - 1][0] < 0 ? -180 : 180;
      lines[lines.length - 1].push([side, lat]);
      lines.push([[-side, lat]]);
    }
    lines[lines.length - 1].push(line[i]);
  }
  return lines;
}

const at = (lat, lon) => project(lat, lon).map((v) => v.toFixed(1)).join(" ");
const pathOf = (lines) => lines.map((line) => "M" + line.map(([lon, lat]) => at(lat, lon)).join("L")).join("");
const classOf = (km) => km === null ? 6 : THRESHOLDS.filter((t) => km > t).length;

function worldMap(data, onPick) {
  const svg = document.getElementById("world"), layer = document.getElementById("world-lines");
  const tip = document.getElementById("world-tip"), told = document.getElementById("world-told");
  const runChoice = document.getElementById("map-run"), what = document.getElementById("map-what");
  const toggles = [...document.querySelectorAll("#map-classes button")];
  const SVG = "http://www.w3.org/2000/svg";
  const photos = data.photos, spots = photos.lat.map((lat, i) => project(lat, photos.lon[i]));
  let selection = null, shown = [], picked = null;

  function path(classes, d, title) {
    const element = document.createElementNS(SVG, "path");
    element.setAttribute("class", classes);
    element.setAttribute("d", d);
    if (title) element.append(Object.assign(document.createElementNS(SVG, "title"), { textContent: title }));
    return element;
  }

  // Of many photographs all are shown by cells, [x, y, side, n, median km], as in reports/page/maps.py.
  const cellsShown = () => data.cells && what.value === "all" ? data.cells[Number(runChoice?.value ?? 0)] : null;

  function drawCells(cells, hidden) {
    const some = cells.filter((cell) => !hidden.has(classOf(cell[4]))), n = (x) => x.toLocaleString("en");
    for (let k = 0; k <= 6; k++) {
      const squares = some.filter((cell) => classOf(cell[4]) === k)
        .map(([x, y, side]) => `M${(x - side / 2).toFixed(2)} ${(y - side / 2).toFixed(2)}h${side}v${side}h${-side}z`);
      if (squares.length) layer.append(path(`cell d${k}`, squares.join("")));
    }
    told.textContent = `${n(some.reduce((sum, cell) => sum + cell[3], 0))} photographs in ${n(some.length)} cells.`;
  }

  function draw() {
    const answers = data.answers[Number(runChoice?.value ?? 0)], cells = cellsShown();
    const hidden = new Set(toggles.filter((b) => b.getAttribute("aria-pressed") === "false").map((b) => Number(b.value)));
    const whole = what.value === "selection" && selection ? selection : photos.id.map((_, i) => i);
    shown = cells ? [] : whole.filter((i) => answers.s[i] !== null && !hidden.has(classOf(answers.km[i])));
    const linked = shown.filter((i) => answers.km[i] !== null && answers.km[i] > 1);
    const stride = Math.max(1, Math.ceil(linked.length / MOST_LINES));
    const lined = linked.filter((_, k) => k % stride === 0);
    const arcs = THRESHOLDS.concat([0, 0]).map(() => []), ends = arcs.map(() => []), dots = arcs.map(() => []);
    for (const i of lined) {
      const k = classOf(answers.km[i]);
      arcs[k].push(pathOf(greatCircle(photos.lat[i], photos.lon[i], answers.lat[i], answers.lon[i])));
      ends[k].push("M" + at(answers.lat[i], answers.lon[i]) + "h0");
    }
    for (const i of shown) dots[classOf(answers.km[i])].push("M" + at(photos.lat[i], photos.lon[i]) + "h0");
    layer.replaceChildren();
    if (cells) drawCells(cells, hidden);
    layer.setAttribute("class", lined.length > 400 ? "many" : "");
    for (let k = 6; k >= 0; k--) if (arcs[k].length) layer.append(path(`arc d${k}`, arcs[k].join("")));
    for (let k = 6; k >= 0; k--) {
      if (ends[k].length) layer.append(path(`end d${k}`, ends[k].join("")), path("end-inside", ends[k].join("")));
    }
    for (let k = 6; k >= 0; k--) if (dots[k].length) layer.append(path(`spot d${k}`, dots[k].join("")));
    if (picked !== null) mark(answers, picked);
    if (cells) return;
    const n = (x) => x.toLocaleString("en");
    const many = stride > 1 ? `; of ${n(linked.length)} lines every ${stride}${stride === 2 ? "nd" : stride === 3 ? "rd" : "th"} ` +
      `is drawn, ${n(lined.length)} in all: choose fewer photographs to see each` : "";
    told.textContent = `${n(shown.length)} photograph${shown.length === 1 ? "" : "s"} on the map${many}.`;
  }

  function mark(answers, i) {
    const title = photos.id[i];
    if (answers.km[i] !== null) {
      const lines = greatCircle(photos.lat[i], photos.lon[i], answers.lat[i], answers.lon[i]);
      layer.append(path("arc picked", pathOf(lines), title));
      layer.append(path("end picked", "M" + at(answers.lat[i], answers.lon[i]) + "h0"));
      layer.append(path("end-inside", "M" + at(answers.lat[i], answers.lon[i]) + "h0"));
    }
    layer.append(path("spot picked", "M" + at(photos.lat[i], photos.lon[i]) + "h0", title));
  }

  const view = { x: 0, y: 0, w: WIDTH };
  function look() {
    view.w = Math.min(WIDTH, Math.max(WIDTH / 32, view.w));
    const h = view.w * HEIGHT / WIDTH;
    view.x = Math.min(WIDTH - view.w, Math.max(0, view.x));
    view.y = Math.min(HEIGHT - h, Math.max(0, view.y));
    svg.setAttribute("viewBox", `${view.x.toFixed(2)} ${view.y.toFixed(2)} ${view.w.toFixed(2)} ${h.toFixed(2)}`);
  }
  function zoom(factor, x = view.x + view.w / 2, y = view.y + view.w * HEIGHT / WIDTH / 2) {
    const w = Math.min(WIDTH, Math.max(WIDTH / 32, view.w * factor));
    view.x = x - (x - view.x) * w / view.w;
    view.y = y - (y - view.y) * w / view.w;
    view.w = w;
    look();
  }
  function move(dx, dy) { view.x += dx * view.w; view.y += dy * view.w; look(); }
  function whole() { Object.assign(view, { x: 0, y: 0, w: WIDTH }); look(); }
  const moves = { ArrowLeft: [-.2, 0], ArrowRight: [.2, 0], ArrowUp: [0, -.1], ArrowDown: [0, .1] };
  svg.addEventListener("keydown", (event) => {
    if (moves[event.key]) move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1 / 1.6);
    else if (event.key === "-") zoom(1.6);
    else if (event.key === "0") whole();
    else return;
    event.preventDefault();
  });
  document.getElementById("zoom-in").addEventListener("click", () => zoom(1 / 1.6));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(1.6));
  document.getElementById("zoom-whole").addEventListener("click", whole);

  function place(event) {
    const box = svg.getBoundingClientRect();
    return [view.x + (event.clientX - box.left) / box.width * view.w, view.y + (event.clientY - box.top) / box.width * view.w, view.w / box.width];
  }
  function nearest(event) {
    const [x, y, unit] = place(event);
    let best = null, least = (9 * unit) ** 2;
    for (const i of shown) {
      const d = (spots[i][0] - x) ** 2 + (spots[i][1] - y) ** 2;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }
  function ofPhotograph(i) {
    if (i === null) return null;
    const km = data.answers[Number(runChoice?.value ?? 0)].km[i];
    return `${photos.place[i] || photos.id[i]}: ${km === null ? "no place found" : distance(km)}`;
  }
  function ofCell(event) {
    const [x, y] = place(event), half = CELL / 2;
    const cell = cellsShown().find((one) => Math.abs(one[0] - x) <= half && Math.abs(one[1] - y) <= half);
    if (!cell) return null;
    const n = cell[3].toLocaleString("en"), km = cell[4];
    return `${n} photograph${cell[3] === 1 ? "" : "s"}: ${km === null ? "most without a place" : "median " + distance(km)}`;
  }
  let held = null, moved = false;
  svg.addEventListener("pointerdown", (event) => { held = place(event); moved = false; });
  svg.addEventListener("pointermove", (event) => {
    if (held && event.buttons && view.w < WIDTH) {
      const [x, y] = place(event);
      if (Math.hypot(x - held[0], y - held[1]) > 3 * held[2]) moved = true;
      view.x += held[0] - x;
      view.y += held[1] - y;
      look();
      return;
    }
    const words = cellsShown() ? ofCell(event) : ofPhotograph(nearest(event)), box = svg.getBoundingClientRect();
    tip.hidden = words === null;
    if (words === null) return;
    tip.textContent = words;
    tip.style.left = `${Math.min(event.clientX - box.left + 12, box.width - 190)}px`;
    tip.style.top = `${event.clientY - box.top + 14}px`;
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
  svg.addEventListener("click", (event) => {
    held = null;
    const i = moved ? null : nearest(event);
    if (i !== null) onPick(i);
  });
  for (const button of toggles) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      draw();
    });
  }
  runChoice?.addEventListener("change", draw);
  what.addEventListener("change", draw);
  draw();
  return {
    select(indices) { selection = indices; if (what.value === "selection") draw(); },
    pick(i, run) {
      picked = i;
      if (i !== null && runChoice) runChoice.value = String(run);
      draw();
    },
  };
}

function distance(km) {
  const digits = km < 1 ? 2 : km < 100 ? 1 : 0;
  return km.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }) + " km";
}
