// What the console adds where scripts run: copying, and following the list live.
// Every page works without it.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy it by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

const tail = document.getElementById("tail");
if (tail) {
  const rows = document.getElementById("rows");
  const news = document.getElementById("news");
  let url = new URL(tail.dataset.tail, location.href);
  let timer = 0;
  const target = (row) => row.querySelector("a")?.getAttribute("href");
  const look = async () => {
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const newest = answer.headers.get("Bartizan-Newest");
      if (newest && rows) {
        const fresh = document.createElement("template");
        fresh.innerHTML = await answer.text(); // made by the server's own templates
        // A call that was open comes once more when it has ended.
        const have = new Map(Array.from(rows.rows, (row) => [target(row), row]));
        for (const row of fresh.content.querySelectorAll("tr")) have.get(target(row))?.remove();
        rows.prepend(fresh.content);
        url.searchParams.set("after", newest);
        while (rows.rows.length > 500) rows.deleteRow(-1);
        news.textContent = "New exchanges were added to the list.";
      }
    } catch {
      stop("Follow live (stopped: the server did not answer)");
    }
  };
  const stop = (text) => {
    clearInterval(timer);
    timer = 0;
    tail.setAttribute("aria-pressed", "false");
    tail.textContent = text;
  };
  tail.hidden = !rows;
  tail.addEventListener("click", () => {
    if (timer) return stop("Follow live");
    timer = setInterval(look, 2000);
    tail.setAttribute("aria-pressed", "true");
    tail.textContent = "Stop following";
    look();
  });
}

// What is under way is looked at again, until it has ended; not while somebody fills in a form.
if (document.querySelector("[data-again]")) {
  setInterval(() => { if (!document.activeElement?.matches("main input, main textarea, main select")) location.reload(); }, 1000);
}
