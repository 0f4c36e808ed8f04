"use strict";
{
  const step = 60; // tiles a page of a long sheet
  for (const more of document.querySelectorAll(".more")) {
    const tiles = [...document.getElementById(more.dataset.sheet).children];
    const button = more.querySelector("button");
    let shown = step;
    const show = () => {
      tiles.forEach((tile, i) => { tile.hidden = i >= shown; });
      more.hidden = shown >= tiles.length;
      button.textContent = `Show ${Math.min(step, tiles.length - shown)} more`;
    };
    button.addEventListener("click", () => {
      const next = tiles[shown];
      shown += step;
      show();
      next.querySelector("a")?.focus();
    });
    show();
  }

  const slider = document.getElementById("slider");
  if (slider) {
    const facts = JSON.parse(document.getElementById("facts").textContent);
    const [line, under, over] = ["line", "under", "over"].map((id) => document.getElementById(id));
    const [output, command, copied] = ["kept-there", "command", "copied"].map((id) => document.getElementById(id));
    const [above, below] = ["above", "below"].map((id) => document.getElementById(id));
    const tiles = [...below.children].reverse().concat([...above.children]); // by rising confidence
    const first = { output: output.cloneNode(true), command: command.textContent };
    const number = (n) => n.toLocaleString("en");

    const draw = (cut) => {
      const x = 100 * cut;
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      under.setAttribute("width", x);
      over.setAttribute("x", x);
      over.setAttribute("width", 100 - x);
      const at = tiles.findIndex((tile) => Number(tile.dataset.confidence) >= cut);
      const split = at < 0 ? tiles.length : at;
      above.replaceChildren(...tiles.slice(split));
      below.replaceChildren(...tiles.slice(0, split).reverse());
      for (const side of [above, below]) [...side.children].forEach((tile, i) => { tile.hidden = i >= facts.nearest; });
    };
    slider.addEventListener("input", () => {
      const hundredths = Number(slider.value);
      const there = facts.kept[hundredths];
      const more = there - facts.now;
      const text = (hundredths / 100).toFixed(2);
      const change = more === 0 ? "as many as now" : `${number(Math.abs(more))} ${more > 0 ? "more" : "fewer"} than now`;
      const bound = facts.certified[hundredths];
      const sure = bound === null ? "no answers yet" : `by ${number(facts.answers[hundredths])} answers at least ${(100 * bound).toFixed(1)} % right`;
      output.textContent = `${number(there)} kept at ${text}`;
      output.append(Object.assign(document.createElement("small"), { textContent: `${change} · ${sure}` }));
      slider.setAttribute("aria-valuetext", `threshold ${text}, ${number(there)} kept`);
      command.textContent = `${facts.command} ${facts.by}THRESH=${text}`;
      copied.textContent = "";
      draw(hundredths / 100);
    });
    document.getElementById("back").addEventListener("click", () => {
      slider.value = Math.round(100 * facts.cut);
      slider.removeAttribute("aria-valuetext");
      output.replaceChildren(...first.output.cloneNode(true).childNodes);
      command.textContent = first.command;
      draw(facts.cut);
    });
    document.getElementById("copy").addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        copied.textContent = "Copied.";
      } catch { // an older browser, or no permission: the command is selected instead
        getSelection().selectAllChildren(command);
        copied.textContent = "Selected: press Ctrl+C.";
      }
    });
  }
}
