"use strict";
// The pages work without this file: it adds the filter as you type, times that move on, and messages.
(() => {
  const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  function ago(at) {
    const seconds = (at - Date.now()) / 1000, far = Math.abs(seconds);
    const step = STEPS.find(([size]) => far >= size);
    if (!step) return "now";
    const count = `${Math.floor(far / step[0])} ${step[1]}`;
    return seconds > 0 ? `in ${count}` : `${count} ago`;
  }

  function tellTimes() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = ago(Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  }

  const filter = document.getElementById("filter");
  const fold = (text) => text.trim().normalize("NFC").toLowerCase();
  let tile = filter?.querySelector("[aria-pressed=true]")?.value ?? "all";

  function applyFilter() {
    if (!filter) return;
    const text = fold(filter.elements.q.value);
    let shown = 0;
    for (const row of document.querySelectorAll("#rows > tr")) {
      const fits = row.dataset.search.includes(text) && (tile === "all" || row.dataset.tiles.split(" ").includes(tile));
      row.hidden = !fits;
      shown += fits;
    }
    const nothing = document.getElementById("nothing");
    if (nothing) nothing.hidden = shown > 0;
    for (const button of filter.querySelectorAll(".tile")) button.setAttribute("aria-pressed", button.value === tile);
  }

  function rememberFilter() {
    const wanted = new URLSearchParams();
    if (filter.elements.q.value) wanted.set("q", filter.elements.q.value);
    if (tile !== "all") wanted.set("state", tile);
    const query = wanted.toString();
    history.replaceState(null, "", location.pathname + (query ? `?${query}` : ""));
  }

  filter?.addEventListener("input", () => { applyFilter(); rememberFilter(); });
  filter?.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.name === "state") tile = event.submitter.value;
    applyFilter();
    rememberFilter();
  });

  const toasts = document.getElementById("toasts");

  function say(message) {
    const toast = document.createElement("p");
    toast.className = "toast bad";
    toast.setAttribute("role", "alert");
    toast.textContent = message;
    toasts.append(toast);
  }

  toasts.addEventListener("click", (event) => event.target.closest(".toast")?.remove());
  new MutationObserver((records) => {
    for (const toast of records.flatMap((record) => [...record.addedNodes]).filter((node) => node.classList)) {
      setTimeout(() => toast.remove(), toast.classList.contains("bad") ? 15000 : 5000);
    }
  }).observe(toasts, { childList: true });

  document.addEventListener("htmx:config:request", (event) => {
    const token = document.querySelector("meta[name=csrf-token]").content;
    if (token) event.detail.ctx.request.headers["X-CSRF-Token"] = token;
  });
  document.addEventListener("htmx:after:swap", () => { applyFilter(); tellTimes(); });

  // What the server refuses before it comes to our pages is JSON.
  document.addEventListener("htmx:response:error", (event) => {
    const { response, text } = event.detail.ctx;
    if (!response.headers.get("content-type")?.startsWith("application/json")) return;
    if (response.status === 401) location.reload();
    say(JSON.parse(text).message ?? `The server answered ${response.status}.`);
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.target.id !== "main") say("The server cannot be reached.");
  });

  const cut = (is) => document.body.classList.toggle("cut", is);
  document.addEventListener("htmx:sse:error", () => cut(true));
  document.addEventListener("htmx:sse:after:connection", () => cut(false));

  tellTimes();
  // An animation would have the page drawn sixty times a second, as long as anything runs.
  setInterval(() => {
    tellTimes();
    document.body.classList.toggle("beat");
  }, 1000);
})();
