// All that is known of one cell, in a dialog. The browser closes it by Escape and
// gives the focus back.
const dialog = document.getElementById("cell");
const body = document.getElementById("cell-body");

function open(cell) {
  if (!cell) return;
  body.innerHTML = `<button type="button" class="close">Close</button><h2 id="cell-title" tabindex="-1" autofocus>${escape(title(cell))}</h2>` +
    `<p class="sub">${escape(cell.table.title)}</p>` + rate(cell) + figures(cell) + spread(cell) + ways(cell) + failures(cell) +
    ladders(cell) + command(cell);
  body.querySelector(".close").addEventListener("click", () => dialog.close());
  body.querySelectorAll("details.ladder").forEach((one) => {
    const fill = () => one.open && unfold(one, one.dataset.of === "failure" ? cell.failure : cell.success);
    one.addEventListener("toggle", fill);
    fill();
  });
  body.querySelectorAll("[data-cell]").forEach((link) => link.addEventListener("click", () => openAt(link.dataset.cell)));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

// openAt opens the cell of that place: table, row and column.
function openAt(place) {
  const [number, row, column] = place.split(" ").map(Number);
  const of = model.tables[number];
  open(of.all[row * of.columns.length + column]);
}

// The backdrop is the dialog itself; all else is in its body.
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

function rate(cell) {
  const invalid = cell.invalid ? ` ${cell.invalid} more were invalid, since the lab spoilt them, and do not count.` : "";
  if (!cell.trials) return `<p class="rate">No trial that counts.${invalid}</p>`;
  return `<p class="rate"><b>${cell.successes} of ${cell.trials}</b> trials connected: ${whole(cell.rate)}&nbsp;%, ` +
    `95&nbsp;% interval <span class="interval">${cell.interval}</span>.${invalid}</p>`;
}

function figures(cell) {
  if (cell.median === null) return "";
  const plain = (of, digits) => of === null ? "–" : of.toFixed(digits);
  const tiles = [["median time", ms(cell.median)], ["p90", ms(cell.p90)], ["p99", ms(cell.p99)], ["round trips", plain(cell.rounds, 1)],
    ["SYNs to the peer", plain(cell.syns, 0)], ["packets", plain(cell.packets, 0)]];
  return `<dl class="tiles">${tiles.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")}</dl>`;
}

// spread draws a dot for each time, piled up where several are alike.
function spread(cell) {
  if (!cell.times.length) return "";
  const width = Math.min(700, innerWidth - 48), side = 24, radius = 4.5, columns = Math.floor(width / 10);
  const step = nice(cell.times.at(-1) / 5), most = step * Math.ceil(cell.times.at(-1) / step + 1e-9);
  const at = (time) => side + (width - 2 * side) * time / most;
  const piles = new Map();
  for (const time of cell.times) {
    const column = Math.min(columns - 1, Math.floor(columns * time / most));
    piles.set(column, (piles.get(column) ?? 0) + 1);
  }
  const highest = Math.max(...piles.values()), apart = Math.min(2 * radius + 1, 90 / highest), ground = 14 + apart * highest;
  const parts = [];
  for (let time = 0; time <= most * 1.0001; time += step) {
    parts.push(`<line x1="${at(time)}" x2="${at(time)}" y1="6" y2="${ground}"/><text x="${at(time)}" y="${ground + 15}" text-anchor="middle">${time ? ms(time) : "0"}</text>`);
  }
  for (const [column, n] of piles) {
    for (let i = 0; i < n; i++) parts.push(`<circle class="dot" cx="${at((column + .5) * most / columns).toFixed(1)}" cy="${(ground - radius - i * apart).toFixed(1)}" r="${radius}"/>`);
  }
  parts.push(`<line class="median" x1="${at(cell.median)}" x2="${at(cell.median)}" y1="2" y2="${ground}"/>`);
  const some = cell.times.length < cell.successes ? `, ${cell.times.length} of ${cell.successes}, evenly taken` : "";
  return `<svg class="spread" viewBox="0 0 ${width} ${ground + 20}" role="img" aria-label="Times to connect, from ${ms(cell.times[0])} to ${ms(cell.times.at(-1))}">` +
    `${parts.join("")}</svg><p class="hint">A dot is the time that one trial took to connect${some}; the dark line is the median.</p>`;
}

// nice is the least of 1, 2, 5 and their tens that is not below.
function nice(step) {
  const ten = 10 ** Math.floor(Math.log10(Math.max(step, .1)));
  return [1, 2, 5, 10].find((n) => n * ten >= step) * ten;
}

function ways(cell) {
  if (!cell.via.length) return "";
  return `<h3>Connected by</h3><ul>${cell.via.map((way) => `<li><b>${way.trials}</b><p>${escape(way.name || cell.table.strategy)}</p></li>`).join("")}</ul>`;
}

function failures(cell) {
  if (!cell.causes.length) return "";
  const items = cell.causes.map((cause) => `<li><b>${cause.trials}</b><div><p>${escape(cause.name || "no cause told")}` +
    `${cause.meaning ? ": " + escape(cause.meaning) : ""}</p>${cause.why ? `<p class="hint">Such as: ${escape(cause.why)}</p>` : ""}</div></li>`);
  return `<h3>Failed by</h3><ul>${items.join("")}</ul>`;
}

function ladders(cell) {
  const parts = [];
  for (const [name, ladder, unfolded] of [["failure", cell.failure, true], ["success", cell.success, !cell.failure]]) {
    if (ladder && ladder.chunk >= 0) {
      parts.push(`<details class="ladder" data-of="${name}"${unfolded ? " open" : ""}><summary>The first ${name}, trial ${ladder.trial}, packet by packet</summary>` +
        `<pre tabindex="0">…</pre></details>`);
    } else if (ladder) {
      parts.push(`<p class="hint">What the packets of the first ${name} did, trial ${ladder.trial}, is in results.jsonl and not on this page, which has room for some.${alike(cell, name)}</p>`);
    }
  }
  return parts.length ? "<h3>What happened</h3>" + parts.join("") : "";
}

// alike offers a cell of the same table that went the same way and has its ladder here.
function alike(cell, name) {
  const kind = (of) => (name === "failure" ? of.causes : of.via)[0]?.name;
  const other = cell.table.all.find((of) => of && of[name]?.chunk >= 0 && kind(of) === kind(cell));
  return other ? ` One that went the same way: <button type="button" class="link" data-cell="${cell.table.number} ${other.row} ${other.column}">${escape(title(other))}</button>.` : "";
}

async function unfold(details, ladder) {
  const pre = details.querySelector("pre");
  try {
    pre.textContent = await ladderText(ladder);
  } catch (error) {
    pre.textContent = error.message + " results.jsonl has them, in the field story.";
  }
}

// command is one that makes a trial like those of the cell, and tells it.
function command(cell) {
  const quote = (word) => /^[\w./:=,%@+-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
  const words = ["punchlab", "trial", "--topology", cell.table.topology];
  if (cell.a) words.push("--nat-a", cell.a);
  if (cell.b) words.push("--nat-b", cell.b);
  for (const [slot, profile] of Object.entries(cell.table.slots)) words.push("--slot", slot + "=" + profile);
  words.push("--strategy", cell.table.strategy, ...model.options, "--explain");
  return `<h3>One more such trial, packet by packet</h3><pre class="command" tabindex="0">${escape(words.map(quote).join(" "))}</pre>`;
}
