"use strict";
// What a mark of a picture says is shown where it is pointed at; an entry of a key brings out its colour in all pictures.
const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
document.body.append(tip);
for (const title of document.querySelectorAll("figure svg title")) {
  title.parentNode.dataset.tip = title.textContent;
  title.remove();
}

function point(event) {
  const mark = event.target.closest("[data-tip]");
  tip.hidden = mark === null;
  if (mark === null) return;
  tip.textContent = mark.dataset.tip;
  const width = tip.offsetWidth, height = tip.offsetHeight, gap = 14;
  const left = Math.max(4, Math.min(event.clientX + gap, document.documentElement.clientWidth - width - 4));
  const below = event.clientY + gap + height < document.documentElement.clientHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? event.clientY + gap : Math.max(4, event.clientY - gap - height)}px`;
}
document.addEventListener("pointermove", point);
document.addEventListener("pointerdown", point);
document.addEventListener("keydown", event => { if (event.key === "Escape") tip.hidden = true; });

let chosen = null;
const entries = [...document.querySelectorAll(".key li")].map(entry => [entry, entry.querySelector("rect[fill]")])
  .filter(([, sign]) => sign !== null).map(([entry, sign]) => [entry, sign.getAttribute("fill")]);

function bring(colour) {
  chosen = colour === chosen ? null : colour;
  for (const mark of document.querySelectorAll("figure svg:not(.swatch) [fill]")) {
    mark.classList.toggle("faint", chosen !== null && mark.getAttribute("fill") !== chosen);
  }
  for (const [entry, own] of entries) entry.setAttribute("aria-pressed", String(own === chosen));
}
for (const [entry, colour] of entries) {
  entry.tabIndex = 0;
  entry.setAttribute("role", "button");
  entry.setAttribute("aria-pressed", "false");
  entry.addEventListener("click", () => bring(colour));
  entry.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      bring(colour);
    }
  });
}
