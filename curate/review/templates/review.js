{
  const count = (n) => n.toLocaleString("en");
  const share = (x) => `${(Math.floor(1000 * x + 1e-6) / 10).toFixed(1).replace(/\.0$/, "")} %`;
  const picture = (side, sha256) => `/picture/${side}/${sha256}`;
  const ahead = new Map(); // pictures fetched before they are asked about
  let steps = 0; // how many answered pictures we have gone back

  const here = () => (steps ? asks.state.before.at(-steps) : asks.state.asked[0]);

  asks.show = async () => {
    steps = Math.min(steps, asks.state.before.length);
    const now = here();
    at("asked").hidden = at("like").hidden = !now;
    at("done").hidden = Boolean(now);
    for (const id of ["yes", "no", "unsure"]) at(id).disabled = !now;
    at("undo").disabled = !asks.state.before.length;
    at("back").disabled = steps >= asks.state.before.length;
    at("on").hidden = !steps;
    progress();
    if (!now) return;
    const large = at("large");
    large.src = picture("large", now.sha256);
    large.alt = now.title || "the picture in question";
    large.closest(".stage").className = `stage ${now.answer ?? ""}`;
    at("asked").className = now.purpose;
    at("kind").textContent = now.purpose === "certify" ? "Certificate question" : "Teaching question";
    at("why").textContent = now.answer
      ? `answered ${now.answer}; say it anew to change it`
      : now.purpose === "certify" ? "drawn by lot from what is kept" : "chosen because it teaches";
    at("title").textContent = [now.title, now.source].filter(Boolean).join(" · ");
    at("nearest").replaceChildren(...now.nearest.map(tile));
    await large.decode().catch(() => {});
    document.body.dataset.sha256 = now.sha256;
    requestAnimationFrame(() => setTimeout(() => asks.state.asked.slice(1).forEach(fetchAhead))); // this one is painted first
  };

  function tile(sha256) {
    const item = document.createElement("li");
    const image = document.createElement("img");
    image.src = picture("small", sha256);
    image.alt = "";
    item.append(image);
    return item;
  }

  function fetchAhead(next) {
    if (ahead.has(next.sha256)) return;
    const urls = [picture("large", next.sha256), ...next.nearest.map((one) => picture("small", one))];
    ahead.set(next.sha256, urls.map((url) => Object.assign(new Image(), { src: url })));
    if (ahead.size > 8) ahead.delete(ahead.keys().next().value);
  }

  function progress() {
    const { answers, certifying, earlier, ranker, teaching, promise, missing, certified, lower, newer } = asks.state.progress;
    const sure = certified !== null;
    const more = missing === null ? "" : `${count(missing)} more yes`;
    const next = newer ? ` A newer ranking is being certified${more && `: ${more}`}.` : more && ` ${more} may keep more.`;
    const line = sure
      ? ["Certified: of what is kept, at least ", bold(share(lower)), " are right (95 % sure).", next]
      : missing === null
        ? [`No threshold is within reach of ${share(promise)} yet: too many were no. Teaching helps most now.`]
        : [bold(more), ` ${missing === 1 ? "certifies" : "certify"} that at least ${share(promise)} of what is kept is right.`];
    const tally = ` ${count(answers)} answered: ${count(certifying)} certify, ${count(teaching)} teach.`;
    const anew = !earlier ? "" : ranker
      ? ` The ${count(earlier)} that certified before were drawn for earlier scores; a ranker fitted to ${count(ranker)} answers now orders the pictures, and its certificate counts those of them that it would have asked about, too.`
      : ` ${count(earlier)} were drawn for other scores than these.`;
    at("sofar").replaceChildren(...line, tally, anew);
    at("bar").value = sure ? 1 : missing === null ? 0 : certifying / Math.max(1, certifying + missing);
    at("bar").closest(".far").classList.toggle("sure", sure);
  }

  function bold(words) {
    return Object.assign(document.createElement("b"), { textContent: words });
  }

  function answer(word) {
    const now = here();
    if (!now || asks.busy) return;
    if (steps) steps -= 1; // after a second thought, on to the next one
    say("/answer", { sha256: now.sha256, answer: word });
  }

  asks.acts = {
    y: () => answer("yes"),
    n: () => answer("no"),
    u: () => answer("unsure"),
    z: () => { if (!asks.busy) { steps = 0; say("/undo"); } },
    b: () => { if (!asks.busy && steps < asks.state.before.length) { steps += 1; asks.show(); } },
    f: () => { if (!asks.busy && steps) { steps -= 1; asks.show(); } },
  };

  // A question that nobody sees is free for the next tab
  addEventListener("pagehide", () => asks.post("/leave", {}, { keepalive: true }));
  say("/state");
}
