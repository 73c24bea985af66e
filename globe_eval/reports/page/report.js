// Puts a report together: the data block, the map and the gallery, which point at each other, and the map of countries.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
let photographs = null;
const map = worldMap(data, (i) => { map.pick(i, Number(document.getElementById("map-run")?.value ?? 0)); photographs.only(i); });
photographs = gallery(data, map);

function countries() {
  const metric = document.getElementById("country-metric"), choice = document.getElementById("country-run");
  if (!metric) return;
  const areas = [...document.querySelectorAll("#by-country [data-code]")];
  const percent = (x) => `${(100 * x).toFixed(1)} %`;
  const draw = () => {
    const parts = data.countries[Number(choice?.value ?? 0)];
    for (const area of areas) {
      const part = parts[area.dataset.code], figure = part?.metrics[metric.value];
      const known = figure && figure[0] !== null;
      area.setAttribute("class", known ? `area q${Math.min(4, Math.floor(5 * figure[0] + 1e-9))}` : "area few");
      const between = known && figure[1] !== null ? ` (${percent(figure[1])} – ${percent(figure[2])})` : "";
      area.querySelector("title").textContent = area.dataset.name +
        (known ? `: ${percent(figure[0])}${between} of ${part.n.toLocaleString("en")}` : ": too few photographs");
    }
  };
  metric.addEventListener("change", draw);
  choice?.addEventListener("change", draw);
  draw();
}
countries();
window.globeEval = { project, greatCircle };
document.documentElement.dataset.ready = "yes";
