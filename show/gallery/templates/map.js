"use strict";
// The map. Every picture is a dot, written straight into pixels; where there is room for it, the small picture itself,
// out of sprite sheets that the server makes. What is shown is in the address; what is answered goes to the catalog.
if (document.getElementById("map")) {
  const at = (id) => document.getElementById(id);
  const { name: data, curate: CURATE, again: AGAIN } = at("map").dataset;
  const canvas = at("plane");
  const pen = canvas.getContext("2d", { alpha: false });
  const TILE = 64, ACROSS = 8; // pixels of a picture on a sheet, and pictures in its row
  const THUMB = 44, LARGEST = 120; // pixels of a picture on the screen
  const DEPTHS = 12, SHEETS = 240, AT_ONCE = 6, LISTED = 300, POLL = 4000;
  const NAMES = { kept: ["dropped", "kept"], answer: ["not answered", "yes", "no", "unsure"] };
  const UNKNOWN = 255, CERTAIN = 250;

  let token = document.querySelector("meta[name=token]").content;
  let map = null; // the pictures, as the server packed them
  let chosen = new Uint8Array(0), count = 0; // which of them are chosen
  let shown = new Uint8Array(0), depth = new Uint8Array(0); // which are shown, and from which grid on as pictures
  let deepest = 0;
  let colours = [], paint = null; // by code; as 32 bits for pixels
  let frame = 0, pixels = null, words = null;
  let path = null, lasso = false, pending = null, last = null, busy = false;
  const sheets = new Map(); // by number: { image, ready, used }
  let loading = 0, turn = 0;
  const view = read();

  // --- the address ---
  function read() {
    const asked = new URLSearchParams(location.search);
    const number = (key, otherwise) => (Number.isFinite(parseFloat(asked.get(key))) ? parseFloat(asked.get(key)) : otherwise);
    const by = ["kept", "reason", "source", "confidence", "answer"].includes(asked.get("by")) ? asked.get("by") : "kept";
    return { x: number("x", 0), y: number("y", 0), zoom: Math.min(Math.max(number("z", 1), 0.5), 4000), by, only: asked.get("only") ?? "" };
  }

  let noting = 0;
  function note() {
    clearTimeout(noting);
    noting = setTimeout(() => {
      const url = new URL(location.href);
      const now = { x: view.x.toFixed(4), y: view.y.toFixed(4), z: view.zoom.toFixed(3), by: view.by, only: view.only };
      for (const [key, value] of Object.entries(now)) value === "" ? url.searchParams.delete(key) : url.searchParams.set(key, value);
      history.replaceState(null, "", url);
    }, 150);
  }

  // --- what the server says ---
  async function load() {
    const answer = await fetch(`/map/points?data=${encodeURIComponent(data)}`, { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json()).sentence);
    const buffer = await answer.arrayBuffer();
    const length = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    let from = 4 + length;
    const take = (Kind, size) => { const taken = new Kind(buffer, from, size); from += taken.byteLength; return taken; };
    const place = take(Float32Array, 2 * head.count);
    const [kept, reason, source, confidence, answered] = Array.from({ length: 5 }, () => take(Uint8Array, head.count));
    const sha = take(Uint8Array, 32 * head.count);
    const before = new Set(map ? every().map(sha256) : []);
    if (map?.sheets !== head.sheets) sheets.clear();
    map = { ...head, place, kept, reason, source, confidence, answer: answered, sha };
    chosen = new Uint8Array(map.count);
    if (before.size) for (let i = 0; i < map.count; i++) chosen[i] = before.has(sha256(i)) ? 1 : 0;
    count = every().length;
    at("counts").textContent = `${map.count.toLocaleString("en")} pictures on the map` + (map.absent ? ` · ${map.absent.toLocaleString("en")} came since: ${AGAIN}` : "");
    filter();
    list();
  }

  const sha256 = (i) => Array.from(map.sha.subarray(32 * i, 32 * i + 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const every = () => { const found = []; for (let i = 0; i < chosen.length; i++) if (chosen[i]) found.push(i); return found; };

  // --- colours, the legend, and what of it is shown ---
  function filter() {
    const codes = map[view.by];
    const kinds = view.by === "confidence" ? [] : NAMES[view.by] ?? map.names[view.by];
    const wanted = kinds.indexOf(view.only);
    shown = Uint8Array.from(codes, (code) => (wanted < 0 || code === wanted ? 1 : 0));
    if (wanted < 0) view.only = "";
    levels();
    dye(kinds);
    legend(kinds, codes);
    ask();
  }

  // On a grid of 4 * 2^d cells a side each cell shows its first picture: the file has them in this order
  function levels() {
    const taken = Array.from({ length: DEPTHS }, () => new Set());
    const across = (value, side) => Math.min(Math.floor(((value + 1) / 2) * side), side - 1);
    const cell = (i, d) => across(map.place[2 * i + 1], 4 << d) * (4 << d) + across(map.place[2 * i], 4 << d);
    const counts = new Array(DEPTHS + 1).fill(0);
    depth = new Uint8Array(map.count).fill(DEPTHS);
    for (let i = 0; i < map.count; i++) {
      if (!shown[i]) continue;
      let d = 0;
      while (d < DEPTHS && taken[d].has(cell(i, d))) d++;
      for (let deeper = d; deeper < DEPTHS; deeper++) taken[deeper].add(cell(i, deeper));
      depth[i] = d;
      counts[d] += 1;
    }
    let left = 0.1 * counts.reduce((sum, one) => sum + one, 0); // nine of ten are pictures from `deepest` on
    for (deepest = DEPTHS; deepest > 0 && (left -= counts[deepest]) > 0; deepest--);
  }

  function dye(kinds) {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    if (view.by === "kept") colours = [of("m1"), of("m0")];
    else if (view.by === "answer") colours = [of("rest"), of("m0"), of("m1"), of("m2")];
    else if (view.by === "confidence") {
      const [low, high] = [of("m1"), of("m0")].map(parts);
      colours = Array.from({ length: 256 }, (_, code) => (code > CERTAIN ? of("rest") : hex(low.map((one, i) => one + ((high[i] - one) * code) / CERTAIN))));
    } else {
      let next = view.by === "reason" ? 1 : 0;
      colours = kinds.map((kind) => (kind === "kept" && view.by === "reason" ? of("m0") : next < 9 ? of(`m${next++}`) : of("rest")));
    }
    words = { paper: of("card"), line: of("ink"), lasso: of("line") };
    paint = Uint32Array.from([...colours, words.paper, words.line], bits);
  }

  const parts = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  const hex = (three) => `#${three.map((one) => Math.round(one).toString(16).padStart(2, "0")).join("")}`;
  const bits = (colour) => { const [r, g, b] = parts(colour.length === 4 ? `#${[...colour.slice(1)].map((one) => one + one).join("")}` : colour); return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; };

  function legend(kinds, codes) {
    for (const button of document.querySelectorAll("[data-by]")) button.setAttribute("aria-pressed", button.dataset.by === view.by);
    if (view.by === "confidence") {
      const item = document.createElement("span");
      const ramp = Object.assign(document.createElement("i"), { className: "ramp" });
      ramp.style.background = `linear-gradient(to right, ${colours[0]}, ${colours[CERTAIN]})`;
      item.append("0", ramp, "1");
      return at("legend").replaceChildren(wrap(item));
    }
    const counts = new Map();
    for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
    at("legend").replaceChildren(...kinds.map((kind, code) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.setAttribute("aria-pressed", view.only === kind);
      const swatch = document.createElement("i");
      swatch.style.background = colours[code];
      const many = Object.assign(document.createElement("small"), { textContent: (counts.get(code) ?? 0).toLocaleString("en") });
      button.append(swatch, kind, many);
      button.onclick = () => { view.only = view.only === kind ? "" : kind; filter(); note(); };
      return counts.get(code) ? wrap(button) : null;
    }).filter(Boolean));
  }

  function wrap(node) {
    const item = document.createElement("li");
    item.append(node);
    return item;
  }

  // --- drawing ---
  const unit = () => view.zoom * 0.45 * Math.min(canvas.clientWidth, canvas.clientHeight); // CSS pixels of 1 on the plane
  const ask = () => { frame ||= requestAnimationFrame(draw); };

  function draw() {
    frame = 0;
    if (!map || !paint) return;
    const began = performance.now();
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height || !pixels) {
      [canvas.width, canvas.height] = [width, height];
      pixels = new ImageData(width, height);
    }
    const scale = unit() * ratio;
    const left = width / 2 - view.x * scale, top = height / 2 - view.y * scale;
    dots(new Uint32Array(pixels.data.buffer), width, height, scale, left, top, ratio);
    pen.putImageData(pixels, 0, 0);
    pictures(width, height, scale, left, top, ratio);
    if (path) rope(ratio);
    document.body.dataset.drawn = ++turn;
    document.body.dataset.first ??= Math.round(performance.now());
    document.body.dataset.took = (performance.now() - began).toFixed(1);
  }

  function dots(field, width, height, scale, left, top, ratio) {
    const codes = map[view.by], line = paint[paint.length - 1];
    field.fill(paint[paint.length - 2]);
    const usual = Math.max(2, Math.round(ratio * Math.min(2 + Math.log2(Math.max(view.zoom, 1)) + (map.count < 5000 ? 2 : 0), 7)));
    for (let i = map.count - 1; i >= 0; i--) {
      if (!shown[i]) continue;
      const size = chosen[i] ? usual + 2 : usual;
      const x = Math.round(map.place[2 * i] * scale + left - size / 2), y = Math.round(map.place[2 * i + 1] * scale + top - size / 2);
      if (x < 0 || y < 0 || x + size > width || y + size > height) continue;
      const colour = chosen[i] ? line : paint[codes[i]];
      for (let row = 0, start = y * width + x; row < size; row++, start += width) for (let j = 0; j < size; j++) field[start + j] = colour;
    }
  }

  const sight = () => Math.min(Math.floor(Math.log2(Math.max(unit() / 2 / (THUMB * 0.7), 0.25))), DEPTHS); // the grid that is seen
  const side = () => { // of a small picture; it grows once all are pictures
    const most = sight();
    return most > deepest ? Math.min(THUMB * 2 ** (most - deepest), LARGEST) : THUMB;
  };

  function pictures(width, height, scale, left, top, ratio) {
    const most = sight(), size = side() * ratio, edge = Math.max(2, Math.round(2 * ratio)), codes = map[view.by];
    const wanted = new Set();
    const seen = [];
    for (let i = 0; i < map.count; i++) {
      if (!shown[i] || depth[i] > most) continue;
      const x = map.place[2 * i] * scale + left - size / 2, y = map.place[2 * i + 1] * scale + top - size / 2;
      if (x > width || y > height || x + size < 0 || y + size < 0) continue;
      const number = Math.floor(i / map.sheet), sheet = sheets.get(number);
      if (sheet?.ready) { sheet.used = turn; seen.push(i, x, y); } else if (!sheet) wanted.add(number);
    }
    for (let n = seen.length - 3; n >= 0; n -= 3) {
      const [i, x, y] = [seen[n], Math.round(seen[n + 1]), Math.round(seen[n + 2])];
      const place = i % map.sheet, rim = chosen[i] ? 2 * edge : edge;
      pen.fillStyle = chosen[i] ? words.line : colours[codes[i]];
      pen.fillRect(x - rim, y - rim, size + 2 * rim, size + 2 * rim);
      pen.drawImage(sheets.get(Math.floor(i / map.sheet)).image, (place % ACROSS) * TILE, Math.floor(place / ACROSS) * TILE, TILE, TILE, x, y, size, size);
    }
    for (const number of wanted) fetchSheet(number);
    document.body.dataset.pictures = seen.length / 3;
    document.body.dataset.waiting = wanted.size + loading;
  }

  function fetchSheet(number) {
    if (loading >= AT_ONCE) return;
    loading += 1;
    const image = new Image();
    const sheet = { image, ready: false, used: turn };
    sheets.set(number, sheet);
    image.src = `/map/sheet?data=${encodeURIComponent(data)}&n=${number}&v=${map.sheets}`;
    image.decode().then(() => { sheet.ready = true; }, () => setTimeout(() => sheets.delete(number), POLL)).finally(() => {
      loading -= 1;
      if (sheets.size > SHEETS) [...sheets].sort((one, other) => one[1].used - other[1].used).slice(0, SHEETS / 4).forEach(([key]) => sheets.delete(key));
      ask();
    });
  }

  function rope(ratio) {
    pen.beginPath();
    for (const [x, y] of path) pen.lineTo(x * ratio, y * ratio);
    pen.closePath();
    pen.strokeStyle = words.lasso;
    pen.lineWidth = 2.5 * ratio;
    pen.stroke();
  }

  // --- moving ---
  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const [px, py] = onPlane(x, y);
    view.zoom = Math.min(Math.max(view.zoom * factor, 0.5), 4000);
    const size = unit();
    move(px - (x - canvas.clientWidth / 2) / size - view.x, py - (y - canvas.clientHeight / 2) / size - view.y);
  }

  function move(x, y) {
    view.x = Math.min(Math.max(view.x + x, -1.2), 1.2);
    view.y = Math.min(Math.max(view.y + y, -1.2), 1.2);
    note();
    ask();
  }

  const onPlane = (x, y) => [(x - canvas.clientWidth / 2) / unit() + view.x, (y - canvas.clientHeight / 2) / unit() + view.y];
  const step = (x, y) => move((x * canvas.clientWidth) / 8 / unit(), (y * canvas.clientHeight) / 8 / unit());

  const fingers = new Map();
  let still = true;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    still = fingers.size === 1;
    path = fingers.size === 1 && (lasso || event.shiftKey) ? [[event.offsetX, event.offsetY]] : null;
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = [event.offsetX, event.offsetY], before = fingers.get(event.pointerId);
    if (!before) return under(...here);
    if (Math.hypot(here[0] - before[0], here[1] - before[1]) < (still ? 4 : 0.5)) return;
    still = false;
    if (path) { path.push(here); fingers.set(event.pointerId, here); return ask(); }
    if (fingers.size === 1) move((before[0] - here[0]) / unit(), (before[1] - here[1]) / unit());
    else {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const far = (place) => Math.max(Math.hypot(place[0] - other[0], place[1] - other[1]), 1);
      zoom(far(here) / far(before), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
    }
    fingers.set(event.pointerId, here);
  });
  const up = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    const drawn = path;
    path = null;
    if (event.type === "pointercancel") return ask();
    if (drawn && !still) inside(drawn);
    else if (still) toggle(nearest(event.offsetX, event.offsetY));
    ask();
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => { at("under").hidden = true; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(2 ** (-event.deltaY / 300), event.offsetX, event.offsetY); }, { passive: false });

  // --- choosing ---
  function nearest(x, y) {
    const size = unit(), half = side() / 2, most = sight();
    let found = -1, least = Infinity;
    for (let i = 0; map && i < map.count; i++) {
      if (!shown[i]) continue;
      const dx = Math.abs((map.place[2 * i] - view.x) * size + canvas.clientWidth / 2 - x), dy = Math.abs((map.place[2 * i + 1] - view.y) * size + canvas.clientHeight / 2 - y);
      const reach = depth[i] <= most ? half : 6;
      const rank = depth[i] <= most ? depth[i] / DEPTHS : 2 + dx + dy; // what lies on top first
      if (dx <= reach && dy <= reach && rank < least) [found, least] = [i, rank];
    }
    return found;
  }

  function under(x, y) {
    const i = nearest(x, y);
    at("under").hidden = i < 0;
    if (i >= 0) at("under").textContent = says(i);
  }

  const says = (i) => [map.names.reason[map.reason[i]], map.names.source[map.source[i]], map.confidence[i] === UNKNOWN ? "" : (map.confidence[i] / CERTAIN).toFixed(2), map.answer[i] ? `answered ${NAMES.answer[map.answer[i]]}` : ""].filter(Boolean).join(" · ");

  function inside(drawn) {
    const line = drawn.map(([x, y]) => onPlane(x, y));
    const xs = line.map(([x]) => x), ys = line.map(([, y]) => y);
    const [low, high, above, below] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    choose((x, y) => {
      if (x < low || x > high || y < above || y > below) return false;
      let within = false;
      for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
        if (line[a][1] > y !== line[b][1] > y && x < ((line[b][0] - line[a][0]) * (y - line[a][1])) / (line[b][1] - line[a][1]) + line[a][0]) within = !within;
      }
      return within;
    });
  }

  function inView() {
    const [wide, high] = [canvas.clientWidth / 2 / unit(), canvas.clientHeight / 2 / unit()];
    choose((x, y) => Math.abs(x - view.x) <= wide && Math.abs(y - view.y) <= high);
  }

  function choose(test) {
    for (let i = 0; i < map.count; i++) if (shown[i] && test(map.place[2 * i], map.place[2 * i + 1])) chosen[i] = 1;
    list();
  }

  function toggle(i) {
    if (i < 0) return;
    chosen[i] ^= 1;
    list();
  }

  function list() {
    const those = every();
    count = those.length;
    at("say").hidden = !count;
    at("how-many").textContent = count ? `${count.toLocaleString("en")} chosen` : "Nothing chosen";
    at("list").replaceChildren(...those.slice(0, LISTED).map((i) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: "leave it out" });
      const name = sha256(i);
      const image = Object.assign(document.createElement("img"), { loading: "lazy", width: 74, height: 74, alt: `${says(i)}; press to leave it out` });
      image.src = `/picture?data=${encodeURIComponent(data)}&sha256=${name}&side=160`;
      button.append(image);
      button.onclick = () => { chosen[i] = 0; list(); };
      return wrap(button);
    }));
    if (count > LISTED) at("list").append(Object.assign(document.createElement("li"), { className: "more", textContent: `and ${(count - LISTED).toLocaleString("en")} more` }));
    document.body.dataset.chosen = count;
    if (!busy && count) at("said").textContent = "";
    ask();
  }

  // --- answering ---
  async function post(where, body, again = true) {
    const answer = await fetch(where, { method: "POST", headers: { "Content-Type": "application/json", "X-Token": token }, body: JSON.stringify({ data, ...body }) });
    if (answer.status === 403 && again) { // another server than the one that made this page
      const page = new DOMParser().parseFromString(await (await fetch(location.href, { cache: "no-store" })).text(), "text/html");
      token = page.querySelector("meta[name=token]").content;
      return post(where, body, false);
    }
    const said = await answer.json().catch(() => ({ sentence: `the server answers ${answer.status}` }));
    if (!answer.ok) throw new Error(said.sentence);
    return said;
  }

  async function answer(word) {
    if (!count || busy) return;
    const those = every().map(sha256), same = `${word} ${those.join()}`;
    if (pending?.same !== same) pending = { same, act: crypto.randomUUID() }; // asked again, it is the same act
    await write(() => post("/map/answer", { act: pending.act, answer: word, pictures: those }), (told) => {
      pending = null;
      chosen.fill(0);
      return `${told.count.toLocaleString("en")} pictures answered ${word}. ${told.curating ? "A curation is at work and may not have read it; afterwards " : ""}${CURATE} applies it.`;
    });
  }

  async function undo() {
    if (!last || busy) return;
    await write(() => post("/map/undo", { act: last.act }), (told) => `${told.count.toLocaleString("en")} answers were taken back. ${CURATE} applies it.`);
  }

  async function write(send, done) {
    busy = true;
    let told = null;
    try {
      told = await send();
      const words = done(told);
      stand(told);
      await load();
      at("said").textContent = words;
      at("trouble").hidden = true;
      canvas.focus({ preventScroll: true });
    } catch (error) {
      trouble(error instanceof TypeError ? "This was not saved: the server does not answer. Start it again (make gallery) and press the key again; what is chosen stays." : error.message);
    } finally {
      busy = false;
      if (told) document.body.dataset.answered = told.answered; // from here on the next key counts
    }
  }

  function stand(told) {
    last = told.last;
    at("undo").hidden = !last;
    if (last) at("undo").firstChild.textContent = `Undo: ${last.count.toLocaleString("en")} answered ${last.answer} `;
  }

  function trouble(words) {
    at("trouble").textContent = words;
    at("trouble").hidden = false;
  }

  // --- keys and buttons ---
  const acts = {
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4),
    0: () => { Object.assign(view, { x: 0, y: 0, zoom: 1 }); note(); ask(); },
    ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, -1), ArrowDown: () => step(0, 1),
    l: () => { lasso = !lasso; canvas.classList.toggle("lasso", lasso); at("lasso").setAttribute("aria-pressed", lasso); },
    a: inView, n: () => answer("no"), y: () => answer("yes"), u: undo,
    Escape: () => { if (path || count) { path = null; chosen.fill(0); list(); } else if (lasso) acts.l(); },
  };
  addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!map || !Object.hasOwn(acts, key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key.startsWith("Arrow") && document.activeElement !== canvas && document.activeElement !== document.body) return;
    if (event.repeat && !/^(Arrow.*|[+=-])$/.test(key)) return;
    event.preventDefault();
    acts[key]();
  });
  for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => { if (map) acts[button.dataset.do](); };
  for (const button of document.querySelectorAll("[data-by]")) button.onclick = () => { Object.assign(view, { by: button.dataset.by, only: "" }); if (map) filter(); note(); };
  new ResizeObserver(ask).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => map && filter());

  (async () => {
    const begun = load().catch(() => {}); // what is wrong the state says, too
    for (;;) {
      try {
        await begun;
        if (!busy && !document.hidden) {
          const answer = await fetch(`/map/state?data=${encodeURIComponent(data)}`, { cache: "no-store" });
          const told = await answer.json();
          if (!answer.ok) throw new Error(told.sentence);
          if (!busy) {
            stand(told);
            if (map?.version !== told.version && !path) await load();
            if (!busy) {
              at("trouble").hidden = true;
              document.body.dataset.answered = told.answered;
            }
          }
        }
      } catch (error) {
        trouble(error instanceof TypeError ? "The server does not answer. Start it again (make gallery); the page goes on by itself." : error.message);
      }
      await new Promise((done) => setTimeout(done, POLL));
    }
  })();
}
