{
  asks.show = async () => {
    const { now, said, progress } = asks.state;
    const over = now === null;
    at("asked").hidden = over;
    at("done").hidden = !over;
    for (const id of ["yes", "no"]) at(id).disabled = over;
    at("undo").disabled = !progress.answers;
    at("bar").value = progress.answers / progress.of;
    at("sofar").textContent = over
      ? "All are answered. End the server with Ctrl-C; the answers are kept."
      : `${progress.answers} of ${progress.of} answered. Stop whenever you like; the same command goes on.`;
    at("done").replaceChildren(...said.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
    if (over) return;
    at("large").src = `/picture/${now}`;
    await at("large").decode().catch(() => {});
    document.body.dataset.number = now;
  };

  const answer = (word) => {
    if (!asks.busy && asks.state.now !== null) say("/answer", { number: String(asks.state.now), answer: word });
  };
  asks.acts = { y: () => answer("yes"), n: () => answer("no"), z: () => say("/undo") };

  say("/state");
}
