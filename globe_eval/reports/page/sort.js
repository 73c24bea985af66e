// Tables that sort: `<table data-sortable>`, with a button in each `<th scope="col">` that is to sort. A cell's
// `data-value` is what it is sorted by, else its text; empty ones come last either way.
"use strict";
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const first = head.dataset.first === "descending" ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = [...body.rows].map((row, place) => {
        const cell = row.cells[column];
        const text = cell.dataset.value ?? cell.textContent.trim();
        const number = text === "" ? NaN : Number(text);
        return { row, place, text, number };
      });
      keyed.sort((a, b) => {
        if ((a.text === "") !== (b.text === "")) return a.text === "" ? 1 : -1;
        const numbers = !Number.isNaN(a.number) && !Number.isNaN(b.number);
        return sign * (numbers ? a.number - b.number : a.text.localeCompare(b.text, "en")) || a.place - b.place;
      });
      body.append(...keyed.map((each) => each.row));
    });
  });
}
