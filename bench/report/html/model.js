// What the page knows of the run. Cells are arrays, to keep the file small; here
// they get names. html_model.go writes them in this order.
const model = JSON.parse(document.getElementById("model").textContent);

function cellOf(array, table, row, column) {
  if (!array) return null;
  const [successes, trials, invalid, times, figures, via, causes, success, failure] = array;
  const [median, p90, p99, rounds, syns, packets] = figures;
  const cell = {table, row, column, successes, trials, invalid, median, p90, p99, rounds, syns, packets, times: [], via: [], causes: []};
  times.reduce((sum, more) => (cell.times.push((sum + more) / 10), sum + more), 0); // sorted, as differences in tenths
  for (let i = 0; i < via.length; i += 2) cell.via.push({name: model.techniques[via[i]], trials: via[i + 1]});
  for (let i = 0; i < causes.length; i += 3) {
    cell.causes.push({name: model.causes[causes[i]], meaning: model.meanings[causes[i]], trials: causes[i + 1], why: model.whys[causes[i + 2]]});
  }
  const ladder = (of) => of && {chunk: of[0], at: of[1], trial: of[2]};
  cell.success = ladder(success);
  cell.failure = ladder(failure);
  cell.a = model.names[table.rows[row]];
  cell.b = model.names[table.columns[column]];
  cell.rate = trials ? successes / trials : null;
  cell.interval = model.intervals[successes + "/" + trials];
  return cell;
}

model.tables.forEach((table, number) => {
  table.number = number;
  table.all = table.cells.map((array, i) =>
    cellOf(array, table, Math.floor(i / table.columns.length), i % table.columns.length));
  table.pairs = table.columns.length > 1 || model.names[table.columns[0]] !== "";
});

// title names a cell as the rest of punchlab does.
const title = (cell) => [cell.a, cell.b].filter(Boolean).join(" × ") || cell.table.topology;

// ms is a time for people: two digits that mean something, at least.
function ms(of) {
  if (of === null || of === undefined) return "–";
  if (of < 9.95) return of.toFixed(1) + " ms";
  return of < 999.5 ? of.toFixed(0) + " ms" : (of / 1000).toFixed(2) + " s";
}

// whole is a percentage that says 0 and 100 only of what never and always connects.
function whole(rate) {
  const of = Math.round(100 * rate);
  return rate > 0 && rate < 1 ? Math.min(Math.max(of, 1), 99) : of;
}

// outcome is a cell in a sentence.
function outcome(cell) {
  if (!cell.trials) return "not run" + (cell.invalid ? `, ${cell.invalid} invalid` : "");
  const invalid = cell.invalid ? `, ${cell.invalid} invalid` : "";
  const time = cell.median === null ? "" : `, median ${ms(cell.median)}`;
  return `${cell.successes} of ${cell.trials} connected, ${whole(cell.rate)} % (95 %: ${cell.interval})${time}${invalid}`;
}

const escapes = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"};
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => escapes[c]);

// Ladders are compressed, many together, and unpacked when one is looked at.
const chunks = [...document.querySelectorAll("script.ladders")].map((script) => ({script}));

async function ladderText(ladder) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser cannot unpack ladders: it has no DecompressionStream.");
  }
  const chunk = chunks[ladder.chunk];
  chunk.texts ??= unpack(JSON.parse(chunk.script.textContent));
  return (await chunk.texts)[ladder.at];
}

async function unpack(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return (await new Response(stream).text()).split("\x1e");
}
