"use strict";
// Sorting, finding and opening rows. A row and what it opens to stay together; the ceiling stays on top.
for (const board of document.querySelectorAll(".board")) {
  const find = board.querySelector(".find"), show = board.querySelector(".show");
  const counted = board.querySelector(".counted");
  const rows = [...board.querySelectorAll("tr.row")];
  const texts = new Map(rows.map((row) => [row, whole(row).toLowerCase()]));

  function whole(row) {
    const more = opened(row);
    return row.textContent + " " + (more ? more.textContent : "");
  }

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const fits = words.every((word) => texts.get(row).includes(word)) && (!show.value || row.dataset.show === show.value);
      row.hidden = !fits;
      const more = opened(row);
      if (more) more.hidden = !fits || row.querySelector(".open").getAttribute("aria-expanded") !== "true";
      left += fits;
    }
    counted.textContent = left === rows.length ? `${left} rows` : `${left} of ${rows.length} rows`;
  }
  find.addEventListener("input", filter);
  show.addEventListener("change", filter);
  if (find.value || show.value) filter();
}

for (const button of document.querySelectorAll(".open")) {
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    opened(button.closest("tr")).hidden = !open;
  });
}

for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), table = button.closest("table"), key = button.dataset.sort;
    const falls = head.getAttribute("aria-sort") === "descending"
      ? false : head.getAttribute("aria-sort") === "ascending" || !(key === "name" || key === "median_km");
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falls ? "descending" : "ascending");
    sort(table.tBodies[0], key, falls ? -1 : 1);
    rank(table, key, button.textContent);
  });
}

function opened(row) {
  const next = row.nextElementSibling;
  return next && next.classList.contains("more") ? next : null;
}

function value(row, key) {
  if (key === "name") return row.dataset.name;
  if (key === "year" || key === "n") return row.dataset[key] ? Number(row.dataset[key]) : null;
  const cell = row.querySelector(`[data-key="${key}"]`);
  if (!cell || cell.dataset.value === undefined) return null;
  return cell.dataset.value === "" ? Infinity : Number(cell.dataset.value);
}

function sort(body, key, sign) {
  const pairs = [...body.querySelectorAll("tr.row")].map((row) => [row, opened(row), value(row, key)]);
  pairs.sort(([a, , x], [b, , y]) => {
    const top = b.classList.contains("ceiling") - a.classList.contains("ceiling");
    if (top) return top;
    if (x === null || y === null) return (x === null) - (y === null); // what is unknown comes last, either way
    return x < y ? -sign : x > y ? sign : 0;
  });
  for (const [row, more] of pairs) body.append(row, ...(more ? [more] : []));
}

// Ranks are of one distance: the one that the table is sorted by, where it is one.
function rank(table, key, label) {
  const by = table.querySelector(".by");
  if (!by || !table.querySelector(`[data-key="${key}"][data-rank]`)) return;
  by.textContent = label;
  for (const row of table.querySelectorAll("tr.row")) {
    const cell = row.querySelector(`[data-key="${key}"]`);
    row.querySelector(".rank").textContent = (cell && cell.dataset.rank) || "";
  }
}
