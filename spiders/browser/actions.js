// What a recipe's actions do inside a page. Called by chromium.py with [action, options, done].
// Answers {end, ms}, with end one of bottom, max, time or '', or {error}; never longer than options.budget milliseconds.
const [action, options, done] = arguments;
const start = performance.now();
const left = () => options.budget - (performance.now() - start);
const sleep = (ms) => new Promise((wake) => setTimeout(wake, Math.max(0, Math.min(ms, left()))));
const all = (css) => [...document.querySelectorAll(css)];

// Wait until `what()` answers something else than `before`, at most `ms`; say whether it did.
async function changed(what, before, ms) {
  for (const end = performance.now() + ms; what() === before; ) {
    if (performance.now() > end || left() <= 0) return false;
    await sleep(50);
  }
  return true;
}

// Wait until the page has drawn what scrolling asks of it: no longer than needed, however busy the computer is.
async function settled() {
  const frame = () => new Promise((wake) => requestAnimationFrame(wake));
  let moving = true;
  const watch = new MutationObserver(() => (moving = true));
  watch.observe(document, { childList: true, subtree: true });
  for (let frames = 0; moving && frames < 20; frames += 2) {
    moving = false;
    await Promise.race([frame().then(frame), sleep(1000)]);
  }
  watch.disconnect();
}

async function wait({ css }) {
  while (!all(css).length) {
    if (left() <= 0) throw new Error(`nothing matches ${css}`);
    await sleep(50);
  }
  return "";
}

// Click once; with `max`, again and again for as long as there is something to click and the page grows by it.
async function click({ css, max = 1, count = "*", pause = 2 }) {
  let clicks = 0;
  const end = () => (max === 1 ? "" : left() <= 0 ? "time" : clicks < max ? "bottom" : "max");
  while (clicks < max && left() > 0) {
    const button = all(css).find((one) => one.checkVisibility() && !one.disabled);
    if (!button) break;
    const before = all(count).length;
    button.click();
    clicks += 1;
    if (clicks < max && !(await changed(() => all(count).length, before, pause * 1000))) break;
  }
  return end();
}

// Go down to the end, then wait for the page to grow, at most `max` times. A list that drops what scrolls out of
// sight is collected on the way, and put back at the end, among its own.
async function scroll({ count = "", max = 50, pause = 4 }) {
  const seen = new Map();
  let parent = null;
  const collect = () => {
    if (!count) return;
    for (const tile of all(count)) {
      seen.set(tile.outerHTML, true);
      parent = tile.parentElement ?? parent;
    }
  };
  const scroller = () => {
    for (let one = count && document.querySelector(count); one; one = one.parentElement) {
      const { overflowY } = getComputedStyle(one);
      if (one !== document.body && /auto|scroll/.test(overflowY) && one.scrollHeight > one.clientHeight + 1) return one;
    }
    return document.scrollingElement;
  };
  const size = () => `${scroller().scrollHeight} ${count ? all(count).length : 0}`;
  collect();
  let end = "max";
  for (let round = 0; round < max && left() > 0; round += 1) {
    let before, top;
    do {
      const box = scroller();
      before = size();
      top = box.scrollTop;
      box.scrollTop += Math.max(200, 0.8 * box.clientHeight);
      await settled();
      collect();
    } while (scroller().scrollTop !== top && left() > 0);
    if (!(await changed(size, before, pause * 1000))) {
      end = "bottom";
      break;
    }
    collect();
  }
  if (left() <= 0) end = "time";
  const here = new Set(count ? all(count).map((tile) => tile.outerHTML) : []);
  const dropped = [...seen.keys()].filter((html) => !here.has(html));
  (parent?.isConnected ? parent : document.body).insertAdjacentHTML("beforeend", dropped.join(""));
  return end;
}

({ wait, click, scroll })[action](options).then(
  (end) => done({ end, ms: Math.round(performance.now() - start) }),
  (error) => done({ error: String(error) }),
);
