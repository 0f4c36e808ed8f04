"use strict";
// What every page that asks a person shares: one request at a time, its trouble, and the keys. The script after this
// one sets `asks.show` and `asks.acts`, and begins with say("/state").
const at = (id) => document.getElementById(id);
const asks = {
  state: null, // the server's last answer; its progress.answers is how many were given
  busy: false,
  show: async () => {},
  acts: {}, // by key
};
{
  const [token, command] = ["token", "again"].map((name) => document.querySelector(`meta[name=${name}]`).content);
  const tab = (sessionStorage.tab ??= crypto.randomUUID()); // outlives a reload, so that undo does too

  asks.post = (path, words, options = {}) => fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Token": token },
    body: JSON.stringify({ tab, ...words }),
    ...options,
  });

  globalThis.say = async (path, words = {}) => {
    if (asks.busy) return;
    asks.busy = true;
    const began = performance.now();
    try {
      const answer = await asks.post(path, words);
      if (answer.status === 403) return location.reload(); // another server than the one that made this page
      if (answer.status === 409) return again(0);
      if (!answer.ok) throw new Error(answer.statusText);
      asks.state = await answer.json();
      at("trouble").hidden = true;
      await asks.show();
      asks.busy = false;
      document.body.dataset.took = Math.round(performance.now() - began);
      document.body.dataset.answers = asks.state.progress.answers; // from here on the next key counts
    } catch (error) {
      trouble(`This was not saved: the server does not answer (${error.message}). Run it again (${command}); the page goes on by itself.`);
    } finally {
      asks.busy = false;
    }
  };

  function again(wait) {
    setTimeout(() => say("/state"), wait);
  }

  function trouble(words) {
    at("trouble").textContent = words;
    at("trouble").hidden = false;
    again(1500);
  }

  addEventListener("keydown", (event) => {
    const act = asks.acts[event.key.toLowerCase()];
    if (!act || !asks.state || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  for (const button of document.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => { if (asks.state) asks.acts[button.dataset.key](); button.blur(); });
  }
}
