// The map of pairs: one table at a time, as a grid that keys and pointers move in.
const box = document.getElementById("grid");
const readout = document.getElementById("readout");
const control = (id) => document.getElementById(id);
const mean = (rates) => rates.length ? rates.reduce((sum, rate) => sum + rate, 0) / rates.length : null;
let shown = {rows: [], columns: [], cells: []};

// views are what a cell can show: its text, and a level from 5, where all is well,
// to 0; undefined where there is nothing to show.
const rateView = {
  name: "success rate",
  text: (cell) => cell.trials ? whole(cell.rate) : undefined,
  long: (cell) => cell.trials ? `${cell.successes}/${cell.trials}<small>${ms(cell.median)}</small>` : undefined,
  level: (cell) => cell.rate === 1 ? 5 : cell.rate === 0 ? 0 : 1 + Math.min(3, Math.floor(4 * cell.rate)),
  legend: [[5, "always connected"], [4, "75 % and more"], [3, "50 to 75 %"], [2, "25 to 50 %"], [1, "less than 25 %"], [0, "never"], ["n", "not run"]],
};

// figureView shows a figure on a scale of its own, by equal ratios.
function figureView(table, name, figure, text) {
  const all = table.all.filter(Boolean).map(figure).filter((f) => f !== null);
  const least = Math.max(Math.min(...all), .1), most = Math.max(...all, least * 1.01);
  const bound = (step) => least * (most / least) ** (step / 6);
  return {
    name,
    text: (cell) => figure(cell) === null ? undefined : text(figure(cell)),
    level: (cell) => 5 - Math.max(0, Math.min(5, Math.floor(6 * Math.log(figure(cell) / least) / Math.log(most / least)))),
    legend: all.length ? [5, 4, 3, 2, 1, 0].map((level, i) => [level, `${text(bound(i))} to ${text(bound(i + 1))}`]).concat([["n", "none connected"]]) : [["n", "none connected"]],
  };
}

// causeView shows how many trials failed by one cause.
function causeView(name) {
  const times = (cell) => cell.causes.find((cause) => cause.name === name)?.trials ?? 0;
  return {
    name: "trials that failed by " + (name || "no cause told"),
    text: (cell) => times(cell) || undefined,
    level: (cell) => 4 - Math.min(4, Math.floor(4.999 * times(cell) / cell.trials)),
    legend: [[4, "some trials failed so"], [2, "half of them"], [0, "all"], ["n", "none"]],
  };
}

function viewOf(table) {
  const key = control("show").value;
  if (key === "median") return figureView(table, "median time to connect, ms", (cell) => cell.median, (f) => f < 10 ? f.toFixed(1) : f.toFixed(0));
  if (key === "packets") return figureView(table, "packets", (cell) => cell.packets, (f) => f.toFixed(0));
  if (key.startsWith("cause:")) return causeView(key.slice(6));
  return rateView;
}

const table = () => model.tables[Number(control("table").value)];

// line gives the cells of a row or of a column.
const lineOf = (of, n, byRow) => of.all.filter((cell) => cell && (byRow ? cell.row : cell.column) === n);

// arranged are the numbers of rows or columns as they are filtered and sorted.
function arranged(of, names, filter, byRow) {
  const words = filter.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const list = names.map((name, n) => ({n, name: model.names[name]}))
    .filter((one) => !words.length || words.some((word) => one.name.toLowerCase().includes(word)));
  const lines = new Map(names.map((_, n) => [n, []]));
  for (const cell of of.all) if (cell && cell.trials) lines.get(byRow ? cell.row : cell.column).push(cell.rate);
  for (const one of list) one.mean = mean(lines.get(one.n));
  const sign = {best: -1, worst: 1}[control("sort").value];
  if (control("sort").value === "name") list.sort((x, y) => x.name.localeCompare(y.name, "en"));
  if (sign) list.sort((x, y) => sign * ((x.mean ?? 2) - (y.mean ?? 2)) || x.n - y.n);
  return list;
}

// draw makes the table anew.
function draw() {
  const of = table(), view = viewOf(of);
  const rows = arranged(of, of.rows, control("filter-a").value, true);
  const columns = arranged(of, of.columns, of.pairs ? control("filter-b").value : "", false);
  const size = columns.length <= 10 ? "wide" : columns.length <= 24 ? "middle" : "dense";
  control("filter-b").disabled = !of.pairs;
  control("caption").textContent = `${of.title}: ${view.name}`; // which paper has instead of the controls
  shown = {rows, columns, cells: []};
  if (!rows.length || !columns.length) {
    box.innerHTML = "<p>No profile has such a name.</p>";
    return legend(view);
  }
  const html = [`<table class="map ${size}" role="grid" aria-label="${escape(of.title)}: ${escape(view.name)}"><thead><tr role="row">`,
    `<th role="columnheader" scope="col">${of.pairs ? "a \\ b" : "a"}</th>`];
  columns.forEach((one, x) => html.push(`<th role="columnheader" scope="col" data-x="${x}"><span>${escape(one.name)}</span></th>`));
  html.push("</tr></thead><tbody>");
  rows.forEach((row, y) => {
    const rate = row.mean === null ? "" : `<i title="mean success of the row">${whole(row.mean)} %</i>`;
    html.push(`<tr role="row"><th role="rowheader" scope="row" data-y="${y}"><div><span>${escape(row.name || of.topology)}</span>${rate}</div></th>`);
    shown.cells.push(columns.map((column) => of.all[row.n * of.columns.length + column.n]));
    shown.cells[y].forEach((cell, x) => html.push(square(cell, x, y, view, size)));
    html.push("</tr>");
  });
  box.innerHTML = html.join("") + "</tbody></table>";
  legend(view);
}

function square(cell, x, y, view, size) {
  if (!cell) return `<td role="gridcell" class="absent" tabindex="-1" data-x="${x}" data-y="${y}" aria-label="not planned"></td>`;
  const text = size === "wide" && view.long ? view.long(cell) : view.text(cell);
  const level = text === undefined ? "n" : view.level(cell);
  return `<td role="gridcell" class="l${level}" tabindex="${x || y ? -1 : 0}" data-x="${x}" data-y="${y}" ` +
    `aria-label="${escape(title(cell))}: ${escape(outcome(cell))}">${text ?? (view === rateView ? "–" : "")}</td>`;
}

function legend(view) {
  const words = view.legend.map(([level, text]) => `<span><i class="l${level}"></i>${escape(text)}</span>`);
  control("legend").innerHTML = words.join("");
}

// tell shows where the pointer or the focus is.
function tell(square) {
  box.querySelectorAll(".on").forEach((head) => head.classList.remove("on"));
  const {x, y} = square.dataset;
  box.querySelectorAll(`th[data-x="${x}"], th[data-y="${y}"]`).forEach((head) => head.classList.add("on"));
  const cell = shown.cells[y]?.[x];
  readout.innerHTML = cell ? `<b>${escape(title(cell))}</b> ${escape(outcome(cell))}` : "not planned";
}

// move puts the focus on a square, the only one that Tab comes to.
function move(x, y) {
  x = Math.max(0, Math.min(x, shown.columns.length - 1));
  y = Math.max(0, Math.min(y, shown.rows.length - 1));
  box.querySelector('td[tabindex="0"]')?.setAttribute("tabindex", "-1");
  const square = box.querySelector(`td[data-x="${x}"][data-y="${y}"]`);
  square.setAttribute("tabindex", "0");
  square.focus({preventScroll: true});
  reveal(square);
}

// reveal scrolls the box so that the headings, which stay, do not hide the square.
function reveal(square) {
  const heading = box.querySelector("thead th"), of = box.getBoundingClientRect(), at = square.getBoundingClientRect();
  const left = of.left + heading.offsetWidth, top = of.top + heading.offsetHeight;
  if (at.left < left) box.scrollLeft -= left - at.left;
  if (at.right > of.left + box.clientWidth) box.scrollLeft += at.right - of.left - box.clientWidth;
  if (at.top < top) box.scrollTop -= top - at.top;
  if (at.bottom > of.top + box.clientHeight) box.scrollTop += at.bottom - of.top - box.clientHeight;
  square.scrollIntoView({block: "nearest", inline: "nearest"});
}

const leap = 10;

function key(event) {
  const square = event.target.closest("td");
  if (!square) return;
  const x = Number(square.dataset.x), y = Number(square.dataset.y), far = Infinity;
  const moves = {
    ArrowLeft: [x - 1, y], ArrowRight: [x + 1, y], ArrowUp: [x, y - 1], ArrowDown: [x, y + 1],
    Home: [0, event.ctrlKey ? 0 : y], End: [far, event.ctrlKey ? far : y], PageUp: [x, y - leap], PageDown: [x, y + leap],
  };
  if (event.key === "Enter" || event.key === " ") {
    open(shown.cells[y][x]);
  } else if (moves[event.key]) {
    move(...moves[event.key]);
  } else {
    return;
  }
  event.preventDefault();
}

box.addEventListener("keydown", key);
box.addEventListener("focusin", (event) => event.target.matches("td") && tell(event.target));
box.addEventListener("pointerover", (event) => event.target.closest("td") && tell(event.target.closest("td")));
box.addEventListener("click", (event) => {
  const square = event.target.closest("td");
  if (!square) return;
  move(Number(square.dataset.x), Number(square.dataset.y));
  open(shown.cells[square.dataset.y][square.dataset.x]);
});
