// The photographs of a report, a page at a time. What models wrote is only ever set as text, never as HTML.
"use strict";
const KINDS = {
  g: ["grounded", "in the photograph"], u: ["unsupported", "not in the photograph"],
  n: ["negated", "denied, only imagined, or a heading"], m: ["named", "named"],
};
const VERDICTS = {
  consistent: ["good", "reasoning and answer agree"], contradicts: ["bad", "reasoning contradicts the answer"],
  silent: ["", "reasoning names no place"],
};

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function gallery(data, map) {
  const { photos, answers, runs } = data;
  const get = (id) => document.getElementById(id);
  const list = get("cards"), told = get("gallery-told"), controls = get("gallery-controls");
  const show = get("show"), status = get("status"), country = get("country"), words = get("words"), sort = get("sort");
  const basis = get("basis"), per = get("per"), one = get("one"), pagers = [get("pager-top"), get("pager-bottom")];
  const all = photos.id.map((_, i) => i);
  let page = 0, chosen = all, single = null;

  const run = () => answers[Number(basis?.value ?? 0)];
  const here = (a, i) => a.s[i] !== null;
  const tests = {
    all: () => true,
    near: (a, i) => a.km[i] !== null && a.km[i] <= 25,
    far: (a, i) => a.km[i] !== null && a.km[i] > 2500,
    nowhere: (a, i) => here(a, i) && a.km[i] === null,
    refused: (a, i) => data.statuses[a.s[i]] === "refused",
    contradicts: (a, i) => a.verdict?.[i] === "contradicts",
    unsupported: (a, i) => Boolean(a.seen?.[i]?.[2].length),
    disagree: (_, i) => new Set(answers.filter((a) => here(a, i)).map((a) => a.km[i] !== null && a.km[i] <= 25)).size > 1,
    pictures: (_, i) => photos.picture[i] !== undefined,
  };
  const spread = (i) => {
    const known = answers.filter((a) => here(a, i)).map((a) => a.km[i] ?? 20040);
    return known.length ? Math.max(...known) - Math.min(...known) : -1;
  };

  function matches(a, i, needle) {
    if (!needle) return true;
    const told = [photos.id[i], photos.place[i]];
    for (const each of answers) told.push(each.said[i], each.found[i], each.text[i]);
    return told.some((text) => text && text.toLowerCase().includes(needle));
  }

  function select() {
    const a = run(), needle = words.value.trim().toLowerCase(), test = tests[show.value];
    chosen = single !== null ? [single] : all.filter((i) =>
      test(a, i) && (status.value === "" || a.s[i] === Number(status.value)) &&
      (country.value === "" || photos.country[i] === Number(country.value)) && matches(a, i, needle));
    const lost = (i, last) => here(a, i) ? a.km[i] ?? last : last === Infinity ? Infinity : -1;
    const orders = {
      worst: (i, j) => lost(j, 20040) - lost(i, 20040),
      best: (i, j) => (lost(i, Infinity) - lost(j, Infinity)) || 0,
      spread: (i, j) => spread(j) - spread(i),
    };
    if (orders[sort.value]) chosen = [...chosen].sort((i, j) => orders[sort.value](i, j) || i - j);
    page = 0;
    one.hidden = single === null;
    map.select(chosen);
    render();
  }

  function render() {
    const size = Number(per.value), pages = Math.max(1, Math.ceil(chosen.length / size));
    page = Math.min(pages - 1, Math.max(0, page));
    const part = chosen.slice(page * size, (page + 1) * size), n = (x) => x.toLocaleString("en");
    told.textContent = chosen.length
      ? `${n(chosen.length)} of ${n(all.length)} photographs; ${n(page * size + 1)} to ${n(page * size + part.length)} shown.`
      : "No photograph is like that.";
    list.replaceChildren(...part.map(card));
    for (const pager of pagers) {
      pager.hidden = pages < 2;
      const [first, back, where, next, last] = pager.children;
      first.disabled = back.disabled = page === 0;
      next.disabled = last.disabled = page === pages - 1;
      where.textContent = `page ${n(page + 1)} of ${n(pages)}`;
    }
  }

  function card(i) {
    const url = photos.picture[i], name = photos.place[i] || "place without a name";
    const located = make("button", { class: "button small", type: "button" }, "show on map");
    located.addEventListener("click", () => {
      map.pick(i, Number(basis?.value ?? 0));
      get("map").scrollIntoView();
      get("world").focus({ preventScroll: true });
    });
    return make("li", {}, make("article", { class: url ? "card pictured" : "card", "aria-labelledby": `p${i}` },
      make("div", { class: "truth" },
        url ? make("img", { src: url, alt: `The photograph, taken in ${name}`, loading: "lazy" }) : null,
        make("h3", { id: `p${i}` }, name),
        make("p", { class: "soft" }, `${photos.id[i]} · ${photos.lat[i].toFixed(3)}, ${photos.lon[i].toFixed(3)}`), located),
      make("div", { class: "answers" }, ...answers.map((a, r) => answer(a, r, i)).filter(Boolean))));
  }

  function answer(a, r, i) {
    if (!here(a, i)) return null;
    const km = a.km[i], verdict = a.verdict?.[i];
    const facts = make("dl", {});
    const fact = (term, text) => { if (text) facts.append(make("dt", {}, term), make("dd", {}, text)); };
    fact("answer", a.said[i]);
    fact("place found", a.found[i]);
    fact("confidence", a.confidence[i] === null ? "" : String(a.confidence[i]));
    fact("error", a.error?.[i]);
    const seen = a.seen?.[i];
    if (verdict === "contradicts") fact("reasoning says", a.concludes[i]);
    if (seen && seen[1]) fact("seen", `${seen[0].length} of ${seen[1]}${seen[0].length ? ": " + seen[0].join(", ") : ""}`);
    if (seen && seen[2].length) fact("unsupported", seen[2].join(", "));
    return make("div", { class: "answer", role: "group", "aria-label": `Answer of ${runs[r]}` },
      runs.length > 1 ? make("h4", { class: `r${r % 6}` }, runs[r]) : null,
      make("p", { class: "badges" },
        make("span", { class: `badge km d${classOf(km)}` }, km === null ? "no place found" : distance(km)),
        make("span", { class: "badge" }, data.statuses[a.s[i]]),
        verdict ? make("span", { class: `badge ${VERDICTS[verdict][0]}` }, VERDICTS[verdict][1]) : null),
      facts, response(a.text[i], a.cues[i], `Response of ${runs[r]}`));
  }

  function response(text, cues, name) {
    if (!text) return make("p", { class: "soft" }, text === null ? "No response was recorded." : "The response is empty.");
    const box = make("div", { class: "response", tabindex: "0", role: "group", "aria-label": name });
    let done = 0;
    for (const [start, length, kind, cue] of cues ?? []) {
      const [label, means] = KINDS[kind];
      box.append(text.slice(done, start), make("mark", { class: `cue ${label}`, title: `${data.cues[cue]}: ${means}` },
        text.slice(start, start + length), make("span", { class: "unseen" }, ` (${label})`)));
      done = start + length;
    }
    box.append(text.slice(done));
    return box;
  }

  for (const pager of pagers) {
    const [first, back, , next, last] = pager.children;
    const go = (button, to) => button.addEventListener("click", () => {
      page = to();
      render();
      if (pager.id === "pager-bottom") { told.focus({ preventScroll: true }); controls.scrollIntoView(); }
    });
    go(first, () => 0);
    go(back, () => page - 1);
    go(next, () => page + 1);
    go(last, () => Infinity);
  }
  controls.addEventListener("submit", (event) => event.preventDefault());
  let waiting = 0;
  words.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(select, 150); });
  for (const choice of [show, status, country, sort, basis]) choice?.addEventListener("change", select);
  per.addEventListener("change", () => { page = 0; render(); });
  one.addEventListener("click", () => { single = null; map.pick(null); select(); show.focus(); });
  for (const option of [...show.options]) {
    if (!tests[option.value]) continue;
    const n = all.filter((i) => tests[option.value](run(), i)).length;
    if (n === 0 && option.value !== "all") option.remove();
    else if (runs.length === 1 || option.value === "disagree") option.textContent += ` (${n.toLocaleString("en")})`;
  }
  select();
  return {
    only(i) {
      single = i;
      select();
      get("photographs").scrollIntoView();
      one.focus({ preventScroll: true });
    },
  };
}
