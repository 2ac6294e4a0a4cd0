
// The functions above are printed from the recorded program; all arithmetic of the model is theirs. What follows reads
// and prints quantities, moves sliders and draws.

const page = JSON.parse(document.getElementById("data").textContent);
const parameters = page.parameters;
const place = new Map(parameters.map((p, i) => [p.name, i]));
const outputAt = new Map(page.outputs.map((name, i) => [name, i]));
const metrics = new Map(page.metrics.map(m => [m.name, m]));
const phases = Object.keys(page.phases);
const partsOf = { prefill: typeof parts_of_prefill === "function" ? parts_of_prefill : null,
                  decode: typeof parts_of_decode === "function" ? parts_of_decode : null,
                  mixed: typeof parts_of_mixed === "function" ? parts_of_mixed : null };
const start = parameters.map(p => p.value);
const now = start.slice();
const LEVELS = 1000;       // of a slider
const DIGITS = 3;          // that a slider's values have, so that what is shown is what is computed
const view = { metric: "", over: "", across: "", up: "", phase: "", target: "" };

// --- elements

const byId = id => document.getElementById(id);

/** Make an element. Texts become text nodes; nothing is ever parsed as HTML. */
function make(tag, attributes, ...children) {
  const element = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(c => c !== null));
  return element;
}

/** Return a name that may be broken after its points and underscores. */
const breakable = name => name.split(/(?<=[_.])/).flatMap((part, k) => k ? [make("wbr"), part] : [part]);

const ruler = document.createElement("canvas").getContext("2d");
ruler.font = `12px ${getComputedStyle(document.body).fontFamily}`;
const widthOf = words => ruler.measureText(words).width;

const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };

// --- quantities: printed and read as the command line does

function formatValue(value, digits = DIGITS) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "-infinite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 1).replace(/e([+-])(\d)$/, "e$10$2");
  if (size >= 10 ** (digits - 1)) {
    const whole = Math.abs(value - Math.round(value)) < 1e-9 * size;
    return (whole ? value : Number(value.toExponential(digits - 1))).toFixed(0);
  }
  const text = value.toPrecision(digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Return the prefix a value is printed with: [name, how many SI units it is]. */
function stepOf(value, unit, digits = DIGITS) {
  const { steps, si } = page.units.printed[unit];
  if (value === 0) return steps.find(step => step[0] === si) || steps[0];
  let chosen = steps[0];
  for (const step of steps) {
    if (Number((Math.abs(value) / step[1]).toExponential(digits - 1)) >= 1) chosen = step;
  }
  return chosen;
}

function formatQuantity(value, unit, digits = DIGITS) {
  const { si } = page.units.printed[unit];
  if (si === "") return formatValue(value, digits);
  if (unit.includes("token") || !Number.isFinite(value)) return `${formatValue(value, digits)} ${si}`;
  const [name, scale] = stepOf(value, unit, digits);
  return `${formatValue(value / scale, digits)} ${name}`;
}

const BINARY = [["Pi", 2 ** 50], ["Ti", 2 ** 40], ["Gi", 2 ** 30], ["Mi", 2 ** 20], ["Ki", 2 ** 10]];
const inBits = p => p.bits && ["B", "B/s"].includes(page.units.printed[p.unit].si);

function formatSetting(value, p) {
  const amount = inBits(p) ? value * 8 : value, letter = inBits(p) ? "b" : "B";
  if (page.units.printed[p.unit].si === "B" && amount % 1000 && amount % 1024 === 0) {
    for (const [name, scale] of BINARY) if (amount % scale === 0) return `${amount / scale} ${name}${letter}`;
  }
  const text = formatQuantity(amount, p.unit);
  return inBits(p) ? text.replaceAll("B", "b") : text;
}

/** Print all digits of a value with a readable unit, to be edited. */
function exactText(value, p) {
  const { si } = page.units.printed[p.unit];
  const amount = inBits(p) ? value * 8 : value;
  const [name, scale] = si === "" ? ["", 1] : stepOf(amount, p.unit);
  const text = `${Number((amount / scale).toPrecision(15))} ${inBits(p) ? name.replaceAll("B", "b") : name}`.trim();
  return readQuantity(text, p.unit) === value ? text : `${value}`;
}

const NUMBER = /^[+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?/;

/** Read "20 us", "9.6 Gb/s" or a bare number in SI. Throws a sentence. */
function readQuantity(text, unit) {
  const { exponents, si } = page.units.printed[unit];
  const due = si || "a plain number";
  const found = NUMBER.exec(text.trim());
  if (!found) throw new Error(`${text.trim() || "nothing"} does not begin with a number; due is ${due}`);
  const number = Number(found[0].replaceAll("_", ""));
  const rest = text.trim().slice(found[0].length).replace(/\s/g, "").replace(/[\u00b5\u03bc]/g, "u");
  if (rest === "") return number;
  if (unit.includes("token") && rest === unit) return number;
  let scale = 1, sign = 1;
  const sum = exponents.map(() => 0);
  for (const piece of rest.split(/([*/])/)) {
    if (piece === "*") { sign = 1; continue; }
    if (piece === "/") { sign = -1; continue; }
    const [, name, power] = /^([A-Za-z%]+|1)(?:\^(-?[1-9]))?$/.exec(piece) || [null, null, null];
    const entry = name !== null && Object.hasOwn(page.units.read, name) ? page.units.read[name] : null;
    if (!entry) throw new Error(`unknown unit ${rest}; due is ${due}`);
    const exponent = sign * Number(power || 1);
    // dividing by the reciprocal keeps 1 us at the double nearest to it
    for (let k = 0; k < Math.abs(exponent); k++) scale = exponent > 0 ? scale * entry[0] : scale / entry[0];
    entry[1].forEach((e, i) => { sum[i] += e * exponent; });
  }
  if (sum.some((e, i) => e !== exponents[i])) throw new Error(`${rest} is another kind of unit; due is ${due}`);
  const inverse = Math.round(1 / scale);
  return scale < 1 && Math.abs(inverse * scale - 1) < 1e-12 ? number / inverse : number * scale;
}

/** Return why a parameter cannot have a value, or null. */
function faultOf(p, value) {
  if (!Number.isFinite(value)) return "it must be finite";
  if (value < 0 || (value === 0 && !p.zero)) return p.zero ? "it must be 0 or more" : "it must be greater than 0";
  if (p.integer && value % 1 !== 0) return "it must be a whole number";
  if (p.most !== null && value > p.most) return `it must be at most ${formatSetting(p.most, p)}`;
  return null;
}

// --- sliders: a share of the way from low to high, logarithmic where the range spans more than a decade

const isLog = p => p.low > 0 && p.high / p.low > 10;
const byOnes = p => p.integer && !isLog(p);

function shareOf(p, value) {
  const share = isLog(p) ? Math.log(value / p.low) / Math.log(p.high / p.low) : (value - p.low) / (p.high - p.low);
  return Math.min(1, Math.max(0, share));
}

/** Return the value at a share of the way, unrounded but for whole numbers. */
function valueAt(p, share) {
  if (share <= 0) return p.low;
  if (share >= 1) return p.high;
  const value = isLog(p) ? p.low * (p.high / p.low) ** share : p.low + (p.high - p.low) * share;
  return p.integer ? Math.round(value) : value;
}

/** Return the value of a slider's level: few digits, the start exactly. */
function valueAtLevel(p, i, level) {
  if (Math.round(shareOf(p, start[i]) * LEVELS) === level) return start[i];
  const value = valueAt(p, level / LEVELS);
  if (p.integer || value === p.low || value === p.high) return value;
  return inBits(p) ? Number((value * 8).toPrecision(DIGITS)) / 8 : Number(value.toPrecision(DIGITS));
}

// --- the model at a point

const value = (outputs, name) => outputs[outputAt.get(name)];
const NEEDS_DECODE = ["tpot", "throughput_per_user"];

/** Return a metric; null where it does not exist: at output 1 there is no decode step. */
function metricIn(outputs, point, name) {
  const output = place.get("output");
  if (output !== undefined && point[output] === 1 && NEEDS_DECODE.includes(name)) return null;
  const found = value(outputs, `metric.${name}`);
  return Number.isFinite(found) ? found : null;
}

/** Return the parts of a phase's time as sums by operator and by resource, and by both. */
function partsIn(phase, point) {
  const figures = partsOf[phase](point), byResource = new Map(), byOperator = new Map();
  let total = 0;
  page.parts[phase].forEach(([operator, resource], i) => {
    const part = figures[i];
    total += part;
    byResource.set(resource, (byResource.get(resource) || 0) + part);
    if (!byOperator.has(operator)) byOperator.set(operator, new Map());
    const row = byOperator.get(operator);
    row.set(resource, (row.get(resource) || 0) + part);
  });
  return { total, byResource, byOperator };
}

function largest(parts) {
  let best = "", most = 0;
  for (const [name, part] of parts) if (part > most) [best, most] = [name, part];
  return best;
}

const resourceOf = Object.fromEntries(phases.map(phase => [phase, page.parts[phase].map(row => page.resources.indexOf(row[1]))]));
const sums = new Float64Array(page.resources.length);

/** Return the time of a phase and the resource with the largest part of it: a map asks a thousand times. */
function bindingIn(phase, point) {
  const figures = partsOf[phase](point), at = resourceOf[phase];
  let total = 0, best = -1, most = 0;
  sums.fill(0);
  for (let i = 0; i < at.length; i++) { total += figures[i]; sums[at[i]] += figures[i]; }
  for (let k = 0; k < sums.length; k++) if (sums[k] > most) [best, most] = [k, sums[k]];
  return { name: page.resources[best] || "", total };
}

const changedPoint = (i, v) => { const point = now.slice(); point[i] = v; return point; };
/** Return whether limits on power and temperature leave nothing to work with at a point. */
const halts = point => spare_of(point).some(left => !(left > 0));
const metricAt = (point, name) => halts(point) ? null : metricIn(outputs_of(point), point, name);

/** Return d ln(metric) / d ln(parameter): exact, between the two neighbours of a whole number. */
function elasticitiesAt(point, name) {
  const first = page.metrics.indexOf(metrics.get(name)) * parameters.length;
  const exact = elasticities_of(point).slice(first, first + parameters.length);
  return parameters.map((p, i) => {
    if (!p.integer || !p.used) return exact[i];
    const below = point[i] > 1 ? point[i] - 1 : point[i], above = point[i] + 1;
    const [a, b] = [below, above].map(v => { const other = point.slice(); other[i] = v; return metricAt(other, name); });
    return a > 0 && b > 0 ? Math.log(b / a) / Math.log(above / below) : NaN;
  });
}

const atStart = { outputs: outputs_of(start) };

// --- colours of resources, the same in every page and report of a system

const colours = new Map(Object.entries(page.colours));
const GREY = "#8a8a8a";    // of what is bound by no resource
const HIDDEN = "nothing of its own: it is hidden behind what another pool does";

/** Return a key of colours: a sign and words for each of some resources. */
const keyOf = (names, words) => make("ul", { class: "key" },
  ...names.map(name => make("li", null, swatch(name), words(name))));

function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map(k => (parseInt(colour.slice(k, k + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000000" : "#ffffff";
}

function swatch(resource) {
  const box = make("span", { class: "swatch", "aria-hidden": "true" });
  box.style.background = colours.get(resource) || GREY;
  return box;
}

const percent = share => share === 0 ? "-" : share < 0.0005 ? "<0.1\u00a0%" : `${(100 * share).toFixed(1)}\u00a0%`;

// --- parameters

const rows = [];
const groups = new Map();

function buildParameter(p, i) {
  const id = `p${i}`;
  const label = make("label", { for: id }, ...breakable(p.name));
  const strength = make("span", { class: "quiet" });
  const slider = make("input", { type: "range", id, min: byOnes(p) ? p.low : 0, max: byOnes(p) ? p.high : LEVELS, step: 1 });
  const exact = make("input", {
    type: "text", "aria-label": `${p.name}, exact value`, "aria-describedby": `${id}f`, autocomplete: "off",
    spellcheck: "false",
  });
  const reset = make("button", { type: "button", "aria-label": `Reset ${p.name} to ${formatSetting(start[i], p)}`,
                                 title: "Reset" }, "\u21ba");
  const fault = make("div", { class: "fault", id: `${id}f`, role: "alert" });
  const range = p.ranged ? "the range its source gives" : p.group === "workload" ? "a usual range"
    : "no range is stated; about the value, the same factor to either side";
  const about = make("details", null, make("summary", { "aria-label": `about ${p.name}` }, "about"),
    make("div", null, p.doc || ""),
    make("div", { class: "quiet" }, `${formatSetting(p.low, p)} to ${formatSetting(p.high, p)}: ${range}; `
      + (p.integer ? "whole numbers" : "continuous") + (p.group === "workload" ? "" : `; ${p.status}`)),
    p.source && p.group !== "workload" ? make("div", { class: "quiet" }, `Source: ${p.source}`) : null,
    p.used ? null : make("div", { class: "quiet" }, "It changes none of the figures of this page."));
  const box = make("div", { class: "parameter", "data-name": p.name },
    make("div", { class: "top" }, label, strength),
    make("div", { class: "controls" }, slider, exact, reset),
    make("div", { class: "quiet ends", "aria-hidden": "true" }, make("span", null, formatSetting(p.low, p)),
      make("span", null, formatSetting(p.high, p))),
    fault, about);
  const row = { p, i, box, slider, exact, reset, fault, strength };
  slider.addEventListener("input", () => {
    change(i, byOnes(p) ? Number(slider.value) : valueAtLevel(p, i, Number(slider.value)));
  });
  slider.addEventListener("keydown", event => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (way === undefined || byOnes(p)) return;
    event.preventDefault();
    const level = Math.round(shareOf(p, now[i]) * LEVELS), step = 5 * way;
    let next = valueAtLevel(p, i, Math.min(LEVELS, Math.max(0, level + step)));
    if (next === now[i] && p.integer) next = now[i] + Math.sign(way);
    change(i, Math.min(p.high, Math.max(p.low, next)));
  });
  exact.addEventListener("focus", () => { exact.value = exactText(now[i], p); });
  exact.addEventListener("blur", () => { if (!fault.textContent) exact.value = formatSetting(now[i], p); });
  exact.addEventListener("change", () => {
    try {
      const given = readQuantity(exact.value, p.unit), wrong = faultOf(p, given);
      if (wrong) throw new Error(wrong);
      change(i, given);
    } catch (error) {
      setText(fault, `${error.message}; ${p.name} stays at ${formatSetting(now[i], p)}`);
      exact.setAttribute("aria-invalid", "true");
    }
  });
  reset.addEventListener("click", () => { change(i, start[i]); slider.focus(); });
  return row;
}

function showParameter(row) {
  const { p, i, box, slider, exact, reset, fault } = row, shown = formatSetting(now[i], p);
  slider.value = byOnes(p) ? now[i] : Math.round(shareOf(p, now[i]) * LEVELS);
  slider.setAttribute("aria-valuetext", shown);
  exact.value = document.activeElement === exact ? exactText(now[i], p) : shown;
  exact.removeAttribute("aria-invalid");
  setText(fault, now[i] < p.low || now[i] > p.high ? "outside the slider's range" : "");
  const changed = now[i] !== start[i];
  box.classList.toggle("changed", changed);
  reset.disabled = !changed;
}

function buildParameters() {
  const wide = matchMedia("(min-width: 900px)").matches;
  parameters.forEach((p, i) => {
    rows.push(buildParameter(p, i));
    if (!groups.has(p.group)) groups.set(p.group, make("details", null, make("summary", null, p.group)));
  });
  const order = ["workload", ...page.components, ...groups.keys()];
  for (const name of [...groups.keys()].sort((a, b) => order.indexOf(a) - order.indexOf(b))) {
    const group = groups.get(name);
    group.open = wide || name === "workload";
    byId("groups").append(group);
  }
  for (const row of rows) groups.get(row.p.group).append(row.box);
  rows.forEach(showParameter);
}

function arrange() {
  const sensitive = byId("order").value === "sensitive", holder = byId("groups");
  byId("sort").hidden = !sensitive;
  for (const group of groups.values()) group.hidden = sensitive;
  if (sensitive) {
    const sizes = elasticitiesAt(now, view.metric).map(e => Number.isFinite(e) ? Math.abs(e) : -1);
    for (const row of [...rows].sort((a, b) => sizes[b.i] - sizes[a.i] || a.i - b.i)) holder.append(row.box);
  } else {
    for (const row of rows) groups.get(row.p.group).append(row.box);
  }
  filter();
}

function filter() {
  const words = byId("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const counts = new Map();
  let found = 0;
  for (const { p, box } of rows) {
    const text = `${p.name} ${p.name.replaceAll("_", " ")} ${p.doc}`.toLowerCase();
    box.hidden = !words.every(w => text.includes(w));
    if (!box.hidden) { found += 1; counts.set(p.group, (counts.get(p.group) || 0) + 1); }
  }
  if (byId("order").value === "component") {
    for (const [name, group] of groups) {
      group.hidden = !counts.get(name);
      if (words.length && counts.get(name)) group.open = true;
    }
  }
  setText(byId("found"), words.length ? `${found} of ${rows.length} parameters` : "");
}

// --- metrics and constraints

const cards = new Map();

function buildMetrics() {
  for (const m of page.metrics) {
    const shown = make("data", { class: "value" }), difference = make("span", { class: "small" });
    byId("metrics").append(make("div", { class: "card", "data-metric": m.name },
      make("div", { class: "name" }, ...breakable(m.name)), make("div", { class: "quiet" }, m.words), shown, difference));
    cards.set(m.name, { shown, difference });
    byId("metric").append(make("option", { value: m.name }, m.name));
  }
  for (const [name, lacks] of Object.entries(page.missing)) {
    byId("missing").append(make("li", null, `${name} cannot be computed: ${lacks.join(", ")} not modelled`));
  }
  for (const c of page.constraints) {
    byId("constraints").tBodies[0].append(make("tr", null, make("th", { scope: "row" }, ...breakable(c.name)), ...[0, 1, 2].map(() => make("td"))));
  }
}

/** Return how a metric has changed: words and whether that is better. */
function changeOf(name, found) {
  const before = metricIn(atStart.outputs, start, name);
  if (found === null || before === null) return { text: "", kind: "" };
  if (found === before) return { text: "as at the start", kind: "" };
  const ratio = found / before - 1, better = (ratio > 0) === metrics.get(name).more;
  const size = Math.abs(100 * ratio), shown = size < 0.05 ? "<0.1" : size.toFixed(1), kind = better ? "better" : "worse";
  const text = ratio >= 9 ? `${formatValue(ratio + 1)} times` : `${ratio > 0 ? "+" : "\u2212"}${shown}\u00a0%`;
  return { text: `${text} (${kind})`, kind };
}

function showMetrics(outputs) {
  for (const m of page.metrics) {
    const found = metricIn(outputs, now, m.name), { shown, difference } = cards.get(m.name);
    setText(shown, found === null ? "-" : formatQuantity(found, m.unit));
    shown.value = found === null ? "" : String(found);
    const { text, kind } = changeOf(m.name, found), before = metricIn(atStart.outputs, start, m.name);
    const from = before === null || !kind ? "" : `start ${formatQuantity(before, m.unit)}: `;
    setText(difference, found === null ? "output 1 has no decode step" : from + text);
    difference.className = `small ${kind}`;
  }
  const found = metricIn(outputs, now, view.metric), { text, kind } = changeOf(view.metric, found);
  setText(byId("headline-value"), found === null ? "-" : formatQuantity(found, metrics.get(view.metric).unit));
  setText(byId("headline-change"), text);
  byId("headline-change").className = kind;
}

function constraintsIn(outputs) {
  return page.constraints.map(c => {
    const used = value(outputs, `used.${c.name}`), limit = value(outputs, `limit.${c.name}`);
    return { ...c, used, limit, ok: used <= limit * (1 + 1e-12) };
  });
}

function showConstraints(outputs) {
  const found = constraintsIn(outputs), body = byId("constraints").tBodies[0];
  found.forEach((c, k) => {
    const cells = body.rows[k].cells;
    setText(cells[1], formatQuantity(c.used, c.unit));
    setText(cells[2], formatQuantity(c.limit, c.unit));
    const left = formatQuantity(Math.abs(c.limit - c.used), c.unit);
    setText(cells[3], c.ok ? `${left} (${(100 * (1 - c.used / c.limit)).toFixed(0)} %)` : `FAILS by ${left}`);
    cells[3].className = c.ok ? "" : "fails";
    body.rows[k].dataset.ok = c.ok;
  });
  const failing = found.filter(c => !c.ok);
  byId("headline-fails").hidden = !failing.length;
  setText(byId("headline-fails"), failing.length ? `cannot be built: ${failing.map(c => c.name).join(", ")} FAILS` : "");
  return failing;
}

// --- where the time goes

const operatorRows = new Map();

function buildTime() {
  byId("resources").tHead.append(make("tr", null, make("th", { scope: "col" }, "resource"),
    ...phases.map(p => make("th", { scope: "col" }, p))));
  for (const resource of page.resources) {
    byId("resources").tBodies[0].append(make("tr", null, make("th", { scope: "row" }, swatch(resource), ...breakable(resource)),
      ...phases.map(() => make("td"))));
  }
  for (const phase of phases) {
    byId("bars").append(make("h3", null, ""), make("div", { class: "bar", role: "img" }));
    const body = make("tbody"), shown = new Set(page.parts[phase].map(row => row[0]));
    for (const o of page.operators.filter(o => o.phase === phase && shown.has(o.name))) {
      body.append(make("tr", { "data-operator": o.name }, make("th", { scope: "row" }), make("td"), make("td")));
    }
    operatorRows.set(phase, [...body.rows]);
    byId("operators").append(make("div", null, make("h3", null, `Operators in ${phase}`), make("div", { class: "table" },
      make("table", { "data-phase": phase, class: "tight" }, make("thead", null, make("tr", null,
        make("th", { scope: "col" }, "operator"), make("th", { scope: "col" }, "runs \u00d7 each"),
        make("th", { scope: "col" }, "share"))), body))));
  }
}

function segments(holder, parts, total, width) {
  const shown = page.resources.map(r => [r, (parts.get(r) || 0) / total]).filter(([, share]) => share > 0);
  while (holder.children.length > shown.length) holder.lastChild.remove();
  while (holder.children.length < shown.length) holder.append(make("span"));
  shown.forEach(([resource, share], k) => {
    const box = holder.children[k];
    box.style.width = `${100 * share}%`;
    box.style.background = colours.get(resource);
    if (!width) return;
    box.style.color = inkOn(colours.get(resource));
    setText(box, share * width > 7 * resource.length + 40 ? `${resource} ${(100 * share).toFixed(0)} %` : "");
  });
  return shown;
}

function showTime(outputs, breakdown) {
  phases.forEach((phase, k) => {
    const { total, byResource } = breakdown[phase];
    const title = byId("bars").children[2 * k], bar = byId("bars").children[2 * k + 1];
    const none = metricIn(outputs, now, page.phases[phase]) === null;
    setText(title, `${phase}: ${none ? "no step" : `${page.phases[phase]} ${formatQuantity(total, "s")}`}`);
    const shown = segments(bar, byResource, total, widths.bars);
    bar.setAttribute("aria-label", `${phase}: ${shown.map(([r, s]) => `${r} ${percent(s)}`).join(", ")}`);
    page.resources.forEach((resource, r) => {
      setText(byId("resources").tBodies[0].rows[r].cells[k + 1], percent((byResource.get(resource) || 0) / total));
    });
  });
}

function showOperators(outputs, breakdown) {
  for (const phase of phases) {
    const { total, byOperator } = breakdown[phase];
    for (const row of operatorRows.get(phase)) {
      const name = row.dataset.operator, parts = byOperator.get(name) || new Map();
      const count = value(outputs, `count.${phase}.${name}`), each = value(outputs, `time.${phase}.${name}`);
      const share = count * each / total, bound = largest(parts);
      if (!row.cells[0].childNodes.length) {
        row.cells[0].append(...breakable(name), make("span", { class: "small" }), make("span", { class: "thin", "aria-hidden": "true" }));
      }
      setText(row.cells[0].querySelector(".small"), bound ? `bound by ${bound}` : "");
      const thin = row.cells[0].querySelector(".thin");
      thin.style.width = `${Math.max(1, 100 * share)}%`;
      segments(thin, parts, count * each, 0);
      setText(row.cells[1], `${formatValue(count, 6)} \u00d7 ${formatQuantity(each, "s")}`);
      setText(row.cells[2], percent(share));
    }
  }
}

// --- drawing

const widths = {};  // in pixels, measured when the window changes: to ask while drawing would lay the page out again

function measure() {
  for (const id of ["bars", "roofline", "curve", "map"]) widths[id] = byId(id).clientWidth;
}

/** Return ticks of an axis: 1, 2 and 5 times powers of ten. */
function ticksOf(low, high, log, most) {
  const found = [];
  if (log) {
    const decades = Math.log10(high / low);
    const digits = decades <= Math.max(2, most / 3) ? [1, 2, 5] : [1];
    const every = Math.max(1, Math.ceil(decades / most));
    for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k++) {
      if (digits.length === 1 && k % every) continue;
      for (const d of digits) found.push(Number(`${d}e${k}`));
    }
  } else {
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5, 10].find(d => d * power >= rough) || 10);
    for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-12); k++) found.push(Number((k * step).toPrecision(12)));
  }
  return found.filter(v => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9));
}

/** Make a picture with two axes. `x` and `y` are { low, high, log, title, text(value), scale? }. */
function plot(figure, x, y, label, height) {
  const width = Math.max(260, widths[figure.id] || 600), left = 84, right = 14, top = 12, bottom = 46;
  const svg = make("svg:svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  const along = (axis, v) => axis.log ? Math.log(v / axis.low) / Math.log(axis.high / axis.low)
    : (v - axis.low) / (axis.high - axis.low);
  const px = v => left + (width - left - right) * along(x, v);
  const py = v => height - bottom - (height - top - bottom) * along(y, v);
  const text = (tx, ty, words, more) => make("svg:text", { x: tx, y: ty, ...more }, words);
  const scaled = axis => {
    const k = axis.scale || 1, room = axis === x ? Math.floor((width - left - right) / 70) : Math.floor((height - top - bottom) / 42);
    return ticksOf(axis.low * k, axis.high * k, axis.log, room).map(v => v / k);
  };
  let edge = -Infinity;
  for (const v of scaled(x)) {
    svg.append(make("svg:line", { class: "grid", x1: px(v), x2: px(v), y1: top, y2: height - bottom }));
    const words = x.text(v), half = widthOf(words) / 2;
    if (px(v) - half < edge + 4) continue;
    const at = Math.min(px(v), width - half - 1);
    svg.append(text(at, height - bottom + 16, words, { "text-anchor": "middle" }));
    edge = at + half;
  }
  let level = Infinity;
  for (const v of scaled(y)) {
    svg.append(make("svg:line", { class: "grid", x1: left, x2: width - right, y1: py(v), y2: py(v) }));
    if (py(v) > level - 15) continue;
    level = py(v);
    svg.append(text(left - 6, py(v) + 4, y.text(v), { "text-anchor": "end" }));
  }
  svg.append(make("svg:path", { class: "axis", d: `M${left},${top}V${height - bottom}H${width - right}` }));
  svg.append(text((left + width - right) / 2, height - 8, x.title, { "text-anchor": "middle" }));
  const box = { left, right: width - right, top, bottom: height - bottom };
  const inside = v => v >= x.low * (1 - 1e-12) && v <= x.high * (1 + 1e-12);
  figure.replaceChildren(svg);
  return { svg, px, py, text, box, inside };
}

const axisOf = p => ({ low: p.low, high: p.high, log: isLog(p), title: `${p.name}`, text: v => formatSetting(v, p),
                       scale: inBits(p) ? 8 : 1 });

/** Return small places along a line, for names to keep clear of. */
function along(x, y, to, at) {
  const count = 1 + Math.floor(Math.hypot(to - x, at - y) / 5);
  return Array.from({ length: count + 1 }, (_, k) => [x + (to - x) * k / count - 1, y + (at - y) * k / count - 1, 2, 2]);
}

const STEPS = [0, 14, 28, 44, 62, 84];    // how far from its point a name may stand, a thin line leading to it

const meets = ([left, top, w, h], others) => others.some(t => left < t[0] + t[2] && t[0] < left + w
  && top < t[1] + t[3] && t[1] < top + h);

/** Write words beside a point where they cover nothing, one of some lines if they must; return whether there is room.

    With `leads` they may stand further off, with a line that leads to them. */
function placed(svg, held, box, x, y, words, reach, leads = false) {
  const { taken, lines, names } = held, w = widthOf(words) + 4, h = 14;
  const clear = [...taken, ...lines];
  const tries = [...(leads ? STEPS : [0]).map(far => [far, clear]), [0, taken]];
  for (const [far, others] of tries) {
    for (const [across, down] of [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [1, 1], [-1, -1], [-1, 1]]) {
      const out = reach + far, left = x - w / 2 + across * (out + w / 2);
      const top = y - h / 2 + down * ((across === 0 ? out : Math.max(out * 0.7, reach)) + h / 2);
      if (left < box.left || left + w > box.right || top < box.top || top + h > box.bottom) continue;
      if (meets([left, top, w, h], others)) continue;
      if (far) {
        const to = Math.min(Math.max(x, left), left + w), at = Math.min(Math.max(y, top), top + h);
        const long = Math.hypot(to - x, at - y), off = (reach - 2) / long, count = 1 + Math.floor(long / 4);
        const way = Array.from({ length: count + 1 }, (_, k) => off + (1 - off) * k / count)
          .map(s => [x + (to - x) * s, y + (at - y) * s, 0, 0]);
        const near = [[x - reach - 6, y - reach - 6, 2 * reach + 12, 2 * reach + 12]];
        if (way.some(p => meets(p, names) || (meets(p, taken) && !meets(p, near)))) continue;
        lines.push(...way);
        svg.append(make("svg:path", { class: "lead", d: `M${way[0][0]},${way[0][1]}L${to},${at}` }));
      }
      taken.push([left, top, w, h]);
      names.push([left, top, w, h]);
      svg.append(make("svg:text", { x: left + 2, y: top + 11, class: "halo" }, words));
      return true;
    }
  }
  return false;
}
// --- roofline

const rooflineRows = page.roofline.map(name => name.split("\n"));

function rooflineIn(outputs, breakdown) {
  const figures = roofline_of(now), points = new Map();
  rooflineRows.forEach(([kind, phase, operator, resource], k) => {
    const key = `${phase}\n${operator}`;
    if (!points.has(key)) points.set(key, { phase, operator, bytes: new Map(), busy: new Map() });
    points.get(key)[kind].set(resource, figures[k]);
  });
  const roofs = new Map(), found = [];
  for (const point of points.values()) {
    if (metricIn(outputs, now, page.phases[point.phase]) === null) continue;
    const flops = value(outputs, `flops.${point.phase}.${point.operator}`);
    const time = value(outputs, `time.${point.phase}.${point.operator}`);
    const count = value(outputs, `count.${point.phase}.${point.operator}`);
    let bytes = 0;
    for (const [memory, amount] of point.bytes) {
      bytes += amount;
      if (amount > 0 && point.busy.get(memory) > 0) roofs.set(memory, Math.max(roofs.get(memory) || 0, amount / point.busy.get(memory)));
    }
    if (!(flops > 0 && bytes > 0)) continue;
    roofs.set("", Math.max(roofs.get("") || 0, flops / point.busy.get("")));
    const bound = largest(breakdown[point.phase].byOperator.get(point.operator) || new Map());
    found.push({ ...point, x: flops / bytes, y: flops / time, bound, share: count * time / breakdown[point.phase].total });
  }
  return { points: found, roofs };
}

function showRoofline(outputs, breakdown) {
  const { points, roofs } = rooflineIn(outputs, breakdown), figure = byId("roofline");
  const body = byId("roofline-table").tBodies[0];
  body.replaceChildren(...points.map(p => make("tr", null,
    make("th", { scope: "row" }, ...breakable(p.operator), make("span", { class: "small" }, p.phase)), make("td", null, formatValue(p.x)),
    make("td", null, formatQuantity(p.y, "FLOP/s")), make("td", null, swatch(p.bound), p.bound))));
  const ceiling = roofs.get("");
  if (!points.length || !(ceiling > 0)) { figure.replaceChildren("No operator with arithmetic."); return; }
  const slopes = [...roofs].filter(([name]) => name !== "");
  const ridges = slopes.map(([, rate]) => ceiling / rate);
  const xs = [...points.map(p => p.x), ...ridges];
  const low = Math.min(...xs) / 2, high = Math.max(...xs) * 3;
  const bottom = Math.min(...points.map(p => p.y)) / 2;
  const axis = { low, high, log: true, title: "FLOP per byte moved", text: v => formatValue(v) };
  const words = `Roofline: ${points.length} operators; arithmetic sustains ${formatQuantity(ceiling, "FLOP/s")}, `
    + slopes.map(([name, rate]) => `${name} ${formatQuantity(rate, "B/s")}`).join(", ");
  const height = widths.roofline < 500 ? 340 : 400;
  const { svg, px, py, text, box } = plot(figure, axis,
    { low: bottom, high: ceiling * 3, log: true, text: v => formatQuantity(v, "FLOP/s"), title: "" }, words, height);
  const first = Math.min(...ridges), held = { taken: [], names: [], lines: along(px(first), py(ceiling), box.right, py(ceiling)) };
  svg.append(make("svg:path", { class: "roof", d: `M${px(first)},${py(ceiling)}H${box.right}` }));
  const clip = make("svg:clipPath", { id: "inside" }, make("svg:rect", {
    x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }));
  svg.append(clip);
  for (const [name, rate] of slopes) {
    const ridge = ceiling / rate;
    const look = { d: `M${px(low)},${py(low * rate)}L${px(ridge)},${py(ceiling)}`, "clip-path": "url(#inside)" };
    svg.append(make("svg:path", { ...look, class: "casing" }),
      make("svg:path", { ...look, fill: "none", stroke: colours.get(name) || "currentColor", "stroke-width": 2.2 }));
    held.lines.push(...along(px(low), py(low * rate), px(ridge), py(ceiling)));
  }
  const ordered = [...points].sort((a, b) => b.share - a.share);
  const radius = p => 3.5 + 6 * Math.sqrt(Math.max(0, p.share));
  for (const p of ordered) held.taken.push([px(p.x) - radius(p), py(p.y) - radius(p), 2 * radius(p), 2 * radius(p)]);
  const roofWords = `arithmetic ${formatQuantity(ceiling, "FLOP/s")}`, w = widthOf(roofWords);
  held.taken.push([box.right - w - 4, py(ceiling) - 27, w, 17]);
  svg.append(text(box.right - 4, py(ceiling) - 14, roofWords, { "text-anchor": "end", class: "halo" }));
  // the name of each slope stands on it, where the line has left the floor and not yet met the roof
  slopes.forEach(([name, rate], k) => {
    const words = `${name} ${formatQuantity(rate, "B/s")}`;
    const near = Math.max(low, bottom / rate), ridge = ceiling / rate;
    for (const share of [0.45, 0.65, 0.3, 0.8, 0.15, 0.9]) {
      const at = near * (ridge / near) ** share;
      if (placed(svg, held, box, px(at), py(at * rate), words, 7)) break;
    }
  });
  for (const p of ordered) {
    const r = radius(p), fill = colours.get(p.bound) || GREY, x = px(p.x), y = py(p.y);
    const shape = p.phase !== "prefill" ? make("svg:circle", { class: "point", cx: x, cy: y, r, fill })
      : make("svg:rect", { class: "point", x: x - r, y: y - r, width: 2 * r, height: 2 * r, fill });
    shape.append(make("svg:title", null, `${p.operator} in ${p.phase}: ${formatQuantity(p.y, "FLOP/s")} at ${formatValue(p.x)} FLOP/B`));
    svg.append(shape);
  }
  for (const p of ordered) placed(svg, held, box, px(p.x), py(p.y), p.operator, radius(p) + 2, true);
  const bounds = [...new Set(ordered.map(p => p.bound))].sort((a, b) => (a === "") - (b === ""));
  figure.prepend(keyOf(bounds, name => `bound by ${name || HIDDEN}`), make("div", { class: "small" },
    phases.length > 1 ? "square: prefill, circle: decode; " : "", "vertical: FLOP/s attained"));
}

// --- curve and break-even

function samplesOf(p, many) {
  const found = [];
  if (p.integer && p.high - p.low <= many) {
    for (let v = p.low; v <= p.high; v++) found.push(v);
  } else {
    for (let k = 0; k <= many; k++) found.push(valueAt(p, k / many));
  }
  return [...new Set(found)];
}

/** Return where a metric meets a target over a parameter's range, by bisection between samples of the curve. */
function crossingsOf(name, i, target, many = 240) {
  const p = parameters[i], at = v => metricAt(changedPoint(i, v), name);
  const points = [...new Set([...samplesOf(p, many), ...(now[i] >= p.low && now[i] <= p.high ? [now[i]] : [])])]
    .sort((a, b) => a - b).map(v => [v, at(v)]).filter(([, y]) => y !== null);
  const ys = points.map(([, y]) => y), least = Math.min(...ys), most = Math.max(...ys), found = [];
  const flat = most - least <= 1e-12 * Math.abs(most);
  if (flat) return { points, flat, found, least, most };
  const meets = y => Math.abs(y - target) <= 1e-13 * Math.abs(target);
  points.forEach(([v, y], k) => {
    if (meets(y)) {
      if (!(k && meets(points[k - 1][1]))) found.push({ at: v });
      return;
    }
    if (!k) return;
    let [a, ya] = points[k - 1], b = v;
    if (meets(ya) || (ya < target) === (y < target)) return;
    if (p.integer) {
      while (b - a > 1) {
        const middle = Math.floor((a + b) / 2), ym = at(middle);
        if ((ym < target) === (ya < target)) a = middle; else b = middle;
      }
      found.push({ at: b, before: a });
      return;
    }
    for (let n = 0; n < 200 && b - a > 1e-15 * b; n++) {
      const middle = isLog(p) ? Math.sqrt(a * b) : (a + b) / 2;
      if (middle <= a || middle >= b) break;
      if ((at(middle) < target) === (ya < target)) a = middle; else b = middle;
    }
    found.push({ at: (a + b) / 2 });
  });
  return { points, flat, found, least, most };
}

/** Return the target in SI, from the field or the start; null with a sentence where the field cannot be read. */
function targetOf() {
  const m = metrics.get(view.metric), text = view.target.trim();
  if (!text) return { value: metricIn(atStart.outputs, start, m.name), words: "the value at the start" };
  try {
    const found = readQuantity(text, m.unit);
    return found > 0 ? { value: found, words: "the target" } : { value: null, words: "the target must be greater than 0" };
  } catch (error) {
    return { value: null, words: error.message };
  }
}

function crossingWords(p, m, target, words, { flat, found, least, most }) {
  const aim = formatQuantity(target, m.unit);
  if (flat) return `${p.name} does not change ${m.name} here: it stays at ${formatQuantity(most, m.unit)}.`;
  if (!found.length) {
    const side = least > target ? `never below ${formatQuantity(least, m.unit)}` : `never above ${formatQuantity(most, m.unit)}`;
    return `No crossing: over this range ${m.name} is ${side}, and ${words} is ${aim}.`;
  }
  const at = found.map(c => c.before === undefined ? formatSetting(c.at, p)
    : `between ${formatSetting(c.before, p)} and ${formatSetting(c.at, p)}`);
  return `Break-even: ${m.name} is ${aim} (${words}) at ${p.name} = ${at.join(" and ")}.`;
}

function showCurve() {
  const i = place.get(view.over), p = parameters[i], m = metrics.get(view.metric);
  const { value: target, words } = targetOf();
  setText(byId("target-help"), `${m.name}, for example ${formatQuantity(metricIn(atStart.outputs, start, m.name) ?? 1, m.unit)}; `
    + "left empty, the value at the start is the target");
  byId("target").toggleAttribute("aria-invalid", target === null);
  const found = crossingsOf(m.name, i, target === null ? NaN : target, 160), { points, flat, least, most } = found;
  const figure = byId("curve");
  if (!points.length) { figure.replaceChildren(); setText(byId("crossing"), `${m.name} has no value here.`); return; }
  const ends = target === null || target > 5 * most || target < least / 5 ? [least, most]
    : [Math.min(least, target), Math.max(most, target)];
  let [low, high] = ends;
  const log = low > 0 && high / low > 20;
  if (log) [low, high] = [low / 1.3, high * 1.3];
  else if (high - low < 0.02 * high) [low, high] = [low * 0.95, high * 1.05];
  else [low, high] = [low < 0.4 * high ? 0 : Math.max(0, low - 0.1 * (high - low)), high + 0.08 * (high - low)];
  const text = v => formatQuantity(v, m.unit);
  const label = `${m.name} over ${p.name}, from ${text(points[0][1])} at ${formatSetting(points[0][0], p)} to `
    + `${text(points.at(-1)[1])} at ${formatSetting(points.at(-1)[0], p)}`;
  const { svg, px, py, text: write, box, inside } = plot(figure, axisOf(p), { low, high, log, title: "", text }, label, 300);
  if (target !== null && target >= low && target <= high) {
    svg.append(make("svg:path", { class: "aim", d: `M${box.left},${py(target)}H${box.right}` }));
  }
  const held = { taken: [], names: [], lines: points.slice(1).flatMap(([v, y], k) =>
    along(px(points[k][0]), py(points[k][1]), px(v), py(y))) };
  svg.append(make("svg:path", { class: "path", d: points.map(([v, y], k) => `${k ? "L" : "M"}${px(v).toFixed(1)},${py(y).toFixed(1)}`).join("") }));
  if (target !== null && !flat) {
    for (const c of found.found) {
      svg.append(make("svg:path", { class: "aim", d: `M${px(c.at)},${py(Math.min(high, Math.max(low, target)))}V${box.bottom}` }));
    }
  }
  const here = metricAt(now, m.name);
  if (here !== null && inside(now[i])) {
    held.taken.push([px(now[i]) - 6, py(here) - 6, 12, 12]);
    svg.append(make("svg:circle", { class: "here", cx: px(now[i]), cy: py(here), r: 5 }, make("svg:title", null, "now")));
  }
  if (target !== null && target >= low && target <= high) {
    const aim = `${view.target.trim() ? "target" : "start"} ${text(target)}`, half = widthOf(aim) / 2 + 4;
    held.taken.push([box.left, py(target) - 1, box.right - box.left, 2]);
    for (const at of [box.right - half, box.left + half, (box.left + box.right) / 2]) {
      if (placed(svg, held, box, at, py(target), aim, 3)) break;
    }
  }
  figure.prepend(make("div", { class: "small" }, `vertical: ${m.name}; the ring is the present setting`));
  setText(byId("crossing"), target === null ? words : crossingWords(p, m, target, words, found));
  byId("crossing").dataset.at = JSON.stringify(found.found.map(c => c.at));
  const table = byId("curve-table"), every = Math.ceil(points.length / 12);
  table.tHead.replaceChildren(make("tr", null, make("th", { scope: "col" }, p.name), make("th", { scope: "col" }, m.name)));
  table.tBodies[0].replaceChildren(...points.filter((_, k) => k % every === 0 || k === points.length - 1)
    .map(([v, y]) => make("tr", null, make("th", { scope: "row" }, formatSetting(v, p)), make("td", null, text(y)))));
}

// --- the map of regimes

function mapOf(phase, across, up, columns, lines) {
  const a = parameters[across], b = parameters[up], point = now.slice(), cells = [];
  const xs = Array.from({ length: columns }, (_, k) => valueAt(a, (k + 0.5) / columns));
  const ys = Array.from({ length: lines }, (_, k) => valueAt(b, (k + 0.5) / lines));
  for (const y of ys) {
    point[up] = y;
    cells.push(xs.map(x => {
      point[across] = x;
      return halts(point) ? { name: "", total: Infinity } : bindingIn(phase, point);
    }));
  }
  return cells;
}

/** Return the middle of the largest square within a region, in cells. */
function middleOf(cells, name) {
  let best = { size: 0 };
  const sizes = cells.map(line => line.map(() => 0));
  cells.forEach((line, r) => line.forEach((cell, c) => {
    if (cell.name !== name) return;
    sizes[r][c] = 1 + (r && c ? Math.min(sizes[r - 1][c], sizes[r][c - 1], sizes[r - 1][c - 1]) : 0);
    if (sizes[r][c] > best.size) best = { size: sizes[r][c], row: r + 1 - sizes[r][c] / 2, column: c + 1 - sizes[r][c] / 2 };
  }));
  return best;
}

const NOTHING = "nothing runs";

function showMap() {
  const across = place.get(view.across), up = place.get(view.up), a = parameters[across], b = parameters[up];
  const columns = 40, lines = 28, cells = mapOf(view.phase, across, up, columns, lines);
  const regions = new Map();
  for (const { name, total } of cells.flat()) {
    const region = regions.get(name) || { count: 0, low: Infinity, high: 0 };
    region.count += 1;
    region.low = Math.min(region.low, total);
    region.high = Math.max(region.high, total);
    regions.set(name, region);
  }
  const ordered = [...regions].sort((x, y) => y[1].count - x[1].count);
  const label = `${view.phase}: largest share over ${a.name} across and ${b.name} up: `
    + ordered.map(([name, r]) => `${name || NOTHING} on ${(100 * r.count / (columns * lines)).toFixed(0)} %`).join(", ");
  const figure = byId("map");
  const { svg, px, py, text, box, inside } = plot(figure, axisOf(a), { ...axisOf(b), title: "" }, label, 340);
  const w = (box.right - box.left) / columns, h = (box.bottom - box.top) / lines;
  const first = svg.firstChild;
  cells.forEach((line, r) => {
    for (let c = 0; c < columns;) {
      let end = c + 1;
      while (end < columns && line[end].name === line[c].name) end += 1;
      svg.insertBefore(make("svg:rect", { class: "cell", x: box.left + c * w, y: box.bottom - (r + 1) * h, width: (end - c) * w, height: h,
                                          fill: colours.get(line[c].name) || GREY }), first);
      c = end;
    }
  });
  const taken = [];
  if (across !== up && inside(now[across]) && now[up] >= b.low && now[up] <= b.high) {
    const x = px(now[across]), y = py(now[up]);
    svg.append(make("svg:circle", { class: "here", cx: x, cy: y, r: 5 }, make("svg:title", null, "now")));
    taken.push([x - 6, y - 6, 12, 12]);
  }
  for (const [name] of ordered) {
    const { size, row, column } = middleOf(cells, name), x = box.left + column * w, y = box.bottom - row * h;
    const words = name || NOTHING, room = widthOf(words) + 4;
    if (size < 2) continue;
    const at = Math.min(box.right - room / 2 - 3, Math.max(box.left + room / 2 + 3, x));
    for (const dy of [0, -16, 16, -32, 32]) {
      const spot = [at - room / 2, y + dy - 8, room, 16];
      if (spot[1] < box.top || spot[1] + 16 > box.bottom) continue;
      if (taken.some(t => spot[0] < t[0] + t[2] && t[0] < spot[0] + spot[2] && spot[1] < t[1] + t[3] && t[1] < spot[1] + 16)) continue;
      taken.push(spot);
      svg.append(text(at, y + dy + 4, words, { "text-anchor": "middle", class: "halo" }));
      break;
    }
  }
  figure.prepend(make("div", { class: "small" }, `vertical: ${b.name}; the ring is the present setting`));
  byId("map-table").tBodies[0].replaceChildren(...ordered.map(([name, r]) => make("tr", null,
    make("th", { scope: "row" }, swatch(name), name || NOTHING), make("td", null, percent(r.count / (columns * lines))),
    make("td", null, name ? `${formatQuantity(r.low, "s")} to ${formatQuantity(r.high, "s")}` : "-"))));
}

// --- link and spec

function fragment() {
  const found = new URLSearchParams();
  parameters.forEach((p, i) => { if (now[i] !== start[i]) found.set(p.name, String(now[i])); });
  for (const [name, chosen] of Object.entries(view)) if (chosen !== usual[name]) found.set(`_${name}`, chosen);
  return found.toString();
}

function restore(text) {
  const given = new URLSearchParams(text), refused = [];
  start.forEach((v, i) => { now[i] = v; });
  Object.assign(view, usual);
  for (const [name, words] of given) {
    if (name.startsWith("_")) {
      const key = name.slice(1), select = byId({ phase: "map-phase" }[key] || key);
      const known = Object.hasOwn(usual, key) && (key === "target" || [...select.options].some(o => o.value === words));
      if (known) view[key] = words; else refused.push(name);
      continue;
    }
    const i = place.get(name), found = words.trim() === "" ? NaN : Number(words);
    if (i === undefined || faultOf(parameters[i], found)) refused.push(name); else now[i] = found;
  }
  byId("notice").hidden = !refused.length;
  setText(byId("notice"), refused.length ? `The link names what this page does not have, or values that cannot be: ${refused.join(", ")}` : "");
  showChoices();
  rows.forEach(showParameter);
  update();
}

const quoted = text => JSON.stringify(text).replaceAll("\u007f", "\\u007f");
const oneLine = text => text.replace(/[\u0000-\u001f\u007f]+/g, " ");

/** Return the system with the changed values as a spec, and the workload as a comment. */
function specText() {
  const changed = parameters.filter((p, i) => now[i] !== p.spec && page.spec.tables[p.group] !== undefined);
  const sizes = parameters.filter(p => p.group === "workload").map(p => ` --${p.name} ${now[place.get(p.name)]}`).join("");
  const kinds = new Set(Object.values(page.dtype));
  const dtypes = kinds.size === 1 ? [...kinds][0] : Object.entries(page.dtype).map(([t, d]) => `${t}=${d}`).join(",");
  const others = parameters.filter((p, i) => page.spec.tables[p.group] === undefined && p.group !== "workload" && now[i] !== p.spec);
  const sets = others.map(p => ` --set ${p.name}=${now[place.get(p.name)]}`).join("");
  const lines = [`# symarch run THIS_FILE --model ${oneLine(page.model)}${sizes}`
    + (page.phase === "both" || sizes.includes("--context") ? "" : ` --phase ${page.phase}`) + (others.some(p => p.group === "dtype") || dtypes === "bf16" ? "" : ` --dtype ${dtypes}`)
    + (page.ideal ? " --ideal" : "") + sets];
  if (page.spec.extends !== undefined) {
    lines.push("format = 1", `extends = ${quoted(page.spec.extends)}`, `name = ${quoted(`${page.system}-explored`)}`);
    for (const owner of new Set(changed.map(p => p.group))) {
      lines.push("", `[${page.spec.tables[owner]}]`);
      for (const p of changed.filter(p => p.group === owner)) {
        const v = now[place.get(p.name)];
        lines.push(`${p.name.slice(owner.length + 1)} = ${v}  # ${formatSetting(v, p)}`);
      }
    }
    return lines.join("\n") + "\n";
  }
  const values = new Map(changed.map(p => [`[${page.spec.tables[p.group]}.${p.name.slice(p.group.length + 1)}]`, now[place.get(p.name)]]));
  let current;
  for (const line of page.spec.resolved.split("\n")) {
    if (line.startsWith("[")) current = values.get(line);
    const [key, stated] = current === undefined ? ["", ""] : line.split(" = ");
    if (key === "value") lines.push(`value = ${current}`);
    else if (key === "source") lines.push('source = "changed in the explorer"');
    else if (key === "status") lines.push('status = "assumed"');
    else if ((key === "low" && current < Number(stated)) || (key === "high" && current > Number(stated))) continue;
    else lines.push(line);
  }
  return lines.join("\n");
}

function save(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/toml" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function copyLink() {
  showShare();
  try {
    await navigator.clipboard.writeText(byId("link").value);
    announce("The link is copied.");
    setText(byId("copy"), "Copied");
    setTimeout(() => setText(byId("copy"), "Copy link"), 1500);
  } catch {
    byId("link").focus();
    byId("link").select();
    announce("The link is selected; copy it from here.");
  }
}

function showShare() {
  const words = fragment();
  byId("link").value = `${location.href.split("#")[0]}#${words}`;
  byId("spec").value = specText();
}

// --- updates: the figures at once, what is costly or would chatter when the hand rests

let waiting = 0, resting = 0, written = "";
const inSight = new Set(), stale = new Set();

/** Draw what can be seen; the others wait until they are, or until the hand rests. */
function draw(id, act) {
  if (inSight.has(id)) act(); else stale.add(id);
}

function drawStale() {
  if (stale.delete("operators")) showOperators(...pointNow());
  if (stale.delete("roofline")) showRoofline(...pointNow());
  if (stale.delete("curve")) showCurve();
}

function pointNow() {
  const outputs = outputs_of(now), breakdown = {};
  for (const phase of phases) breakdown[phase] = partsIn(phase, now);
  return [outputs, breakdown];
}

function announce(text) { setText(byId("announcement"), text); }

function update() {
  const [outputs, breakdown] = pointNow();
  showMetrics(outputs);
  const failing = showConstraints(outputs);
  showTime(outputs, breakdown);
  draw("operators", () => showOperators(outputs, breakdown));
  draw("roofline", () => showRoofline(outputs, breakdown));
  draw("curve", showCurve);
  clearTimeout(resting);
  resting = setTimeout(() => rest(failing), 180);
}

function rest(failing) {
  const name = view.metric, found = metricAt(now, name), { text } = changeOf(name, found);
  announce(`${name} ${found === null ? "has no value" : formatQuantity(found, metrics.get(name).unit)}, ${text}`
    + (failing.length ? `; ${failing.map(c => c.name).join(", ")} fails` : ""));
  const strengths = elasticitiesAt(now, name);
  for (const { i, p, strength } of rows) {
    const e = strengths[i];
    setText(strength, !p.used ? "no effect" : !Number.isFinite(e) ? "" : `elasticity ${Math.abs(e) < 0.0005 ? "" : e < 0 ? "\u2212" : "+"}${Math.abs(e).toFixed(3)}`);
  }
  drawStale();
  showMap();
  showShare();
  const words = fragment();
  if (words !== written) {
    written = words;
    try { history.replaceState(null, "", words ? `#${words}` : location.href.split("#")[0]); } catch { /* the link field has it */ }
  }
}

function change(i, v) {
  now[i] = v;
  showParameter(rows[i]);
  if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; update(); });
}

// --- choices

const usual = {};

function showChoices() {
  for (const [key, id] of Object.entries({ metric: "metric", over: "over", across: "across", up: "up", phase: "map-phase", target: "target" })) {
    byId(id).value = view[key];
  }
}

function buildChoices() {
  const used = parameters.filter(p => p.used);
  for (const id of ["over", "across", "up"]) {
    for (const p of used) byId(id).append(make("option", { value: p.name }, p.name));
  }
  for (const phase of phases) byId("map-phase").append(make("option", { value: phase }, phase));
  view.phase = phases.at(-1);
  view.metric = page.phases[view.phase];
  // the two parameters of hardware that matter most, by the metric at the ends of their ranges
  const span = p => {
    const i = place.get(p.name), [a, b] = [p.low, p.high].map(v => metricAt(changedPoint(i, v), view.metric));
    return a > 0 && b > 0 ? Math.abs(Math.log(a / b)) : 0;
  };
  const hardware = used.filter(p => page.spec.tables[p.group] !== undefined && p.ranged).map(p => [p, span(p)]);
  const [first, second] = hardware.sort((a, b) => b[1] - a[1]).map(([p]) => p.name);
  view.over = first || used[0].name;
  view.across = view.over;
  view.up = place.has("batch") ? "batch" : second || used[0].name;
  Object.assign(usual, view);
  const listen = (id, event, act) => byId(id).addEventListener(event, () => { act(byId(id).value); update(); });
  listen("metric", "change", v => { view.metric = v; if (byId("order").value === "sensitive") arrange(); });
  listen("over", "change", v => { view.over = v; });
  listen("across", "change", v => { view.across = v; });
  listen("up", "change", v => { view.up = v; });
  listen("map-phase", "change", v => { view.phase = v; });
  listen("target", "input", v => { view.target = v; });
  byId("search").addEventListener("input", filter);
  byId("order").addEventListener("change", arrange);
  byId("sort").addEventListener("click", arrange);
  byId("copy").addEventListener("click", copyLink);
  byId("download").addEventListener("click", () => save(`${page.system.replace(/[^A-Za-z0-9_-]+/g, "-")}-explored.toml`, specText()));
  byId("reset").addEventListener("click", () => { start.forEach((v, i) => { now[i] = v; }); rows.forEach(showParameter); update(); });
  byId("skip").addEventListener("click", event => { event.preventDefault(); byId("parameters").focus(); byId("parameters").scrollIntoView(); });
  const dark = () => (document.documentElement.style.colorScheme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const theme = () => setText(byId("theme"), dark() ? "Light" : "Dark");
  byId("theme").addEventListener("click", () => { document.documentElement.style.colorScheme = dark() ? "light" : "dark"; theme(); });
  theme();
}

function buildNotes() {
  setText(byId("heading"), `${page.model} on ${page.system}`);
  const kinds = new Set(Object.values(page.dtype)), dtype = kinds.size === 1 ? [...kinds][0]
    : Object.entries(page.dtype).map(([t, d]) => `${t} ${d}`).join(", ");
  setText(byId("subtitle"), [page.title, `${page.devices} device${page.devices > 1 ? "s" : ""}`, dtype,
    page.phase === "both" ? "" : `${page.phase} only`, page.ideal ? "ideal (speed of light)" : ""].filter(Boolean).join(" \u00b7 "));
  setText(byId("origin"), "First-order estimates of symarch: closed formulas of the parameters, evaluated in this page. "
    + (page.source ? `Source of the system: ${page.source}.` : ""));
  byId("assumptions").append(...page.assumptions.map(a => make("li", null, a)));
  byId("fixed").tBodies[0].append(...page.fixed.map(([n, v]) => make("tr", null, make("th", { scope: "row" }, n), make("td", null, v))));
  byId("plugins").tBodies[0].append(...page.plugins.map(p => make("tr", null, make("th", { scope: "row" }, p.name),
    make("td", null, `${p.distribution} ${p.version}`))));
}

buildNotes();
buildMetrics();
buildParameters();
buildTime();
buildChoices();
measure();
const watcher = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) inSight.add(target.id); else inSight.delete(target.id);
  }
  if (stale.size && entries.some(e => e.isIntersecting)) drawStale();
});
for (const id of ["operators", "roofline", "curve"]) watcher.observe(byId(id));
restore(location.hash.slice(1));
addEventListener("hashchange", () => { if (location.hash.slice(1) !== written) restore(location.hash.slice(1)); });
let seen = innerWidth;
addEventListener("resize", () => { if (innerWidth !== seen) { seen = innerWidth; measure(); update(); } });

/** For the console, and for tests: parameters are set and read in SI. */
globalThis.explorer = Object.freeze({
  set(name, v) { change(place.get(name), v); },
  update,
  rest() { rest([]); },
  numbers() {
    const outputs = outputs_of(now), parts = {};
    for (const phase of phases) parts[phase] = Object.fromEntries(partsIn(phase, now).byResource);
    return {
      metrics: Object.fromEntries(page.metrics.map(m => [m.name, metricIn(outputs, now, m.name)])),
      constraints: constraintsIn(outputs).map(({ name, ok, used, limit }) => ({ name, ok, used, limit })),
      parts,
    };
  },
  elasticities() { return Object.fromEntries(elasticitiesAt(now, view.metric).map((e, i) => [parameters[i].name, e])); },
  value(name) { return now[place.get(name)]; },
  workload() { return Object.fromEntries(parameters.filter(p => p.group === "workload").map(p => [p.name, now[place.get(p.name)]])); },
  regimes(columns, lines) {
    const across = place.get(view.across), up = place.get(view.up);
    return mapOf(view.phase, across, up, columns, lines).map((line, r) => line.map((cell, c) => ({ ...cell,
      across: valueAt(parameters[across], (c + 0.5) / columns), up: valueAt(parameters[up], (r + 0.5) / lines) })));
  },
  formatSetting(v, name) { return formatSetting(v, parameters[place.get(name)]); },
  formatQuantity, readQuantity,
});
