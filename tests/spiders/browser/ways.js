// Every way in which a page can reach something, tried at once. `to` is a list of hosts with ports, `udp` a port.
// What the page may ask (`own`) is asked in the same ways, to show that they work here.
const quiet = async (what) => { try { await what(); } catch { /* refused, as it should be */ } };
const add = (tag, values) => document.body.append(Object.assign(document.createElement(tag), values));
const html = (text) => document.body.insertAdjacentHTML("beforeend", text);
const { own, to, udp } = JSON.parse(document.currentScript.dataset.ways);

function ask(host) {
  const http = (way) => `http://${host}/reach/${way}`;
  quiet(() => fetch(http("fetch"), { mode: "no-cors" }));
  quiet(() => fetch(http("post"), { mode: "no-cors", method: "POST", body: "x" }));
  quiet(() => { const asked = new XMLHttpRequest(); asked.open("GET", http("xhr")); asked.send(); });
  quiet(() => navigator.sendBeacon(http("beacon"), "x"));
  quiet(() => new WebSocket(`ws://${host}/reach/websocket`));
  quiet(() => new WebSocket(`wss://${host}/reach/wss`));
  quiet(() => new WebTransport(`https://${host}/reach/webtransport`).ready);
  quiet(() => new EventSource(http("events")));
  quiet(() => new Worker(URL.createObjectURL(new Blob([`fetch("${http("worker")}", {mode: "no-cors"})`]))));
  quiet(() => new SharedWorker(http("shared")));
  quiet(() => fetch(`https://${host}/reach/tls`, { mode: "no-cors" }));
  quiet(() => window.open(http("popup")));
  quiet(() => document.body.append(new Image()) || (document.body.lastChild.src = http("image")));
  add("iframe", { src: http("iframe") });
  add("script", { src: http("script") });
  add("video", { src: http("video"), autoplay: true });
  add("object", { data: http("object") });
  add("embed", { src: http("embed") });
  add("link", { rel: "stylesheet", href: http("style") });
  add("link", { rel: "prefetch", href: http("prefetch") });
  add("link", { rel: "preload", as: "fetch", href: http("preload") });
  add("link", { rel: "modulepreload", href: http("module") });
  add("link", { rel: "preconnect", href: http("") });
  add("link", { rel: "dns-prefetch", href: http("") });
  add("link", { rel: "manifest", href: http("manifest") });
  add("link", { rel: "icon", href: http("icon") });
  html(`<style>@font-face{font-family:f${to.indexOf(host)};src:url(${http("font")})}</style>
    <b style="font-family:f${to.indexOf(host)}">x</b><svg><use href="${http("svg")}#a"/></svg>
    <iframe name="form${to.indexOf(host)}"></iframe><form method="post" action="${http("form")}"
    target="form${to.indexOf(host)}"><input name="a"></form><a ping="${http("ping")}" href="#x">x</a>`);
  document.querySelector("form:last-of-type").submit();
  document.querySelector("a:last-of-type").click();
  add("script", { type: "speculationrules", text: JSON.stringify({ prerender: [{ urls: [http("prerender")] }],
    prefetch: [{ urls: [http("speculation")] }] }) });
}

// WebRTC: servers for candidates, and a candidate that is no other browser
async function call(host) {
  const servers = ["stun", "turn"].flatMap((kind) => ["udp", "tcp"].map((by) => ({
    urls: `${kind}:${host}:${udp}${kind === "turn" ? `?transport=${by}` : ""}`, username: "x", credential: "x" })));
  const one = new RTCPeerConnection({ iceServers: servers, iceCandidatePoolSize: 2 });
  const other = new RTCPeerConnection();
  one.createDataChannel("x");
  await one.setLocalDescription(await one.createOffer());
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription(await other.createAnswer());
  await one.setRemoteDescription(other.localDescription);
  for (const by of ["udp 2122260223", "tcp 1518280447"]) {
    await one.addIceCandidate({ sdpMid: "0", candidate:
      `candidate:1 1 ${by} ${host} ${udp} typ host${by.startsWith("tcp") ? " tcptype passive" : ""}` });
  }
}

function leave() {
  for (const file of ["file:///etc/hostname", "ftp://127.0.0.1/x", "chrome://version", "view-source:http://x.invalid/",
    "filesystem:http://x.invalid/t", "mailto:x@y.invalid"]) {
    quiet(() => fetch(file));
    add("iframe", { src: file });
    add("script", { src: file });
    quiet(() => window.open(file));
  }
  const words = URL.createObjectURL(new Blob(["words of the page"], { type: "application/octet-stream" }));
  for (const href of [words, "/attachment", "data:application/octet-stream,words%20of%20the%20page"]) {
    const link = Object.assign(document.createElement("a"), { href, download: "page.txt" });
    document.body.append(link);
    link.click();
  }
  add("iframe", { src: "/attachment" });
  quiet(async () => { const root = await navigator.storage.getDirectory(); await root.getFileHandle("x", { create: true }); });
}

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const worker = navigator.serviceWorker.register("/sw.js");
[own, ...to].forEach(ask);
["127.0.0.1", "localhost"].forEach((host) => quiet(() => call(host)));
leave();
const ready = worker.then(() => navigator.serviceWorker.ready).catch((error) => { document.title = error; });
Promise.all([sleep(4000), Promise.race([ready.then(() => sleep(1000)), sleep(9000)])]).then(() =>
  add("p", { className: "done" }));
