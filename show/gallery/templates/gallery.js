"use strict";
// The page is drawn by the server from its address. Here it is fetched again, every two seconds and whenever its address
// changes, and what differs is changed in place: focus, scroll and pictures stay as they are.
{
  const PAUSE = 2000; // milliseconds between looks
  let shown = ""; // the page's text as it was last fetched
  let turn = 0; // of the fetches, so that an older answer cannot overtake a newer one
  let playing = null; // the slider that plays
  let moving = Promise.resolve(); // a key leads from the page that the key before it led to
  let moves = 0; // how many keys wait for that

  // Make the nodes of `now` those of `next`, changing only what differs
  function morph(now, next) {
    if (now.nodeName !== next.nodeName || now.id !== next.id) return now.replaceWith(next.cloneNode(true));
    if (now.nodeType !== Node.ELEMENT_NODE) {
      if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
      return;
    }
    for (const { name } of [...now.attributes]) if (!next.hasAttribute(name) && !(name === "open")) now.removeAttribute(name);
    for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    if (now.nodeName === "INPUT" && now !== document.activeElement && now.value !== next.value) now.value = next.value;
    const [before, after] = [[...now.childNodes], [...next.childNodes]];
    after.forEach((node, i) => (before[i] ? morph(before[i], node) : now.append(node.cloneNode(true))));
    before.slice(after.length).forEach((node) => node.remove());
  }

  async function show(url, { push = false } = {}) {
    const mine = ++turn;
    const trouble = document.getElementById("trouble");
    if (push) history.pushState(null, "", url);
    try {
      const answer = await fetch(url, { cache: "no-cache" });
      const text = await answer.text();
      if (mine !== turn) return;
      trouble.hidden = true;
      if (text === shown || !answer.ok) return;
      shown = text;
      const next = new DOMParser().parseFromString(text, "text/html");
      document.title = next.title;
      for (const part of ["header", "main", "footer"]) morph(document.querySelector(part), next.querySelector(part));
      wire();
      if (push) document.querySelector(".opened, .sample")?.scrollIntoView({ block: "nearest" });
    } catch {
      trouble.hidden = false;
    } finally {
      document.body.dataset.looks = turn;
    }
  }

  const address = (changes) => {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) value === "" ? url.searchParams.delete(name) : url.searchParams.set(name, value);
    return url.href;
  };

  // A slider's place as its query has it; the last grid is no place of its own: the page then follows the newest
  function slid(input) {
    const last = Number(input.value) === Number(input.max);
    const values = input.dataset.values?.split(",");
    const url = address({ [input.dataset.query]: values ? (last ? "" : values[input.value]) : input.value });
    history.replaceState(null, "", url);
    if (!input.dataset.src) return show(url);
    const image = document.getElementById(input.dataset.image);
    image.src = input.dataset.src + input.value;
    image.alt = image.alt.replace(/^frame \d+/, `frame ${Number(input.value) + 1}`);
    input.closest(".slide").querySelector("output").textContent = `${Number(input.value) + 1} of ${Number(input.max) + 1}`;
    return image.decode().catch(() => {});
  }

  async function play(name) {
    if (playing === name) return stop();
    playing = name;
    const input = document.getElementById(name);
    if (input.value === input.max) input.value = 0;
    while (playing === name && input.isConnected) {
      const began = performance.now();
      await slid(input);
      await new Promise((done) => setTimeout(done, Math.max(0, (input.dataset.src ? 42 : 300) - (performance.now() - began))));
      if (playing !== name) break;
      if (Number(input.value) < Number(input.max)) input.value = Number(input.value) + 1;
      else if (input.dataset.src) input.value = 0; // a walk ends where it begins
      else break;
    }
    if (playing === name) stop();
  }

  function stop() {
    playing = null;
    wire();
  }

  function wire() {
    for (const button of document.querySelectorAll("[data-play]")) button.textContent = button.dataset.play === playing ? "❚❚" : "▶";
  }

  addEventListener("input", ({ target }) => {
    if (target.type === "range") { if (target.id === playing) stop(); slid(target); }
    if (target.type === "search") {
      clearTimeout(target.wait);
      target.wait = setTimeout(() => {
        const url = address({ [target.dataset.query]: target.value.trim(), page: "", picture: "" });
        history.replaceState(null, "", url);
        show(url);
      }, 200);
    }
  });

  addEventListener("click", async (event) => {
    const { playing: _, play: name, copy } = event.target.closest("[data-play], [data-copy]")?.dataset ?? {};
    if (name) return play(name);
    if (copy) {
      await navigator.clipboard.writeText(copy).then(() => { event.target.textContent = "Copied"; }, () => {});
      return;
    }
    const link = event.target.closest("a[href]");
    const where = link && new URL(link.getAttribute("href"), location.href);
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey && event.button === 0;
    if (!link || link.hasAttribute("download") || !plain || where.host !== location.host || where.pathname !== location.pathname) return;
    event.preventDefault();
    if (where.href !== location.href) show(where.href, { push: true });
    if (link.closest("details")) link.closest("details").open = false;
  });

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    const writing = target.matches("input[type=search]");
    if (key === "/" && !writing) {
      event.preventDefault();
      document.getElementById("find")?.select();
      return;
    }
    if (key === "Escape" && writing) return target.blur();
    if (writing || (target.matches("input[type=range]") && key !== "Escape")) return;
    const led = () => document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (key === "Escape") stop();
    if (!led()) return;
    event.preventDefault();
    if (event.repeat && moves) return; // a key that is held moves as fast as pages come
    moves += 1;
    moving = moving.then(() => led() && show(led().href, { push: true })).finally(() => { moves -= 1; });
  });

  addEventListener("popstate", () => show(location.href));
  (async () => {
    for (;;) {
      await new Promise((done) => setTimeout(done, PAUSE));
      if (!document.hidden && !playing) await show(location.href);
    }
  })();
  wire();
}
