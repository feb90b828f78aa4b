// Controls, and what leads from one part of the page to another.
const option = (value, text) => `<option value="${escape(value)}">${escape(text)}</option>`;

function fillControls() {
  control("table").innerHTML = model.tables.map((of) => option(of.number, of.title)).join("");
  control("table").closest("label").hidden = model.tables.length < 2;
  control("show").innerHTML = option("rate", "success rate") + option("median", "median time to connect") + option("packets", "packets") +
    model.causes.map((name) => option("cause:" + name, "failed by: " + (name || "no cause told"))).join("");
  for (const id of ["table", "show", "sort"]) control(id).addEventListener("change", draw);
  for (const id of ["filter-a", "filter-b"]) control(id).addEventListener("input", draw);
  control("controls").addEventListener("submit", (event) => event.preventDefault());
  control("controls").hidden = control("hint").hidden = false;
}

document.querySelectorAll("main [data-cell]").forEach((link) => link.addEventListener("click", () => openAt(link.dataset.cell)));
document.querySelectorAll("main [data-table]").forEach((link) => link.addEventListener("click", () => {
  control("table").value = link.dataset.table;
  draw();
  document.getElementById("map").scrollIntoView();
}));

// Colours: as the system has them, light, or dark. Browsers may refuse a file its
// storage; the choice then lasts as long as the page.
const themes = {"": "as the system", light: "light", dark: "dark"};
const themeButton = document.getElementById("theme");

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  themeButton.querySelector("span").textContent = themes[theme];
}

function stored(theme) {
  try {
    if (theme !== undefined) localStorage.setItem("punchlab-theme", theme);
    return localStorage.getItem("punchlab-theme") ?? "";
  } catch {
    return theme ?? "";
  }
}

themeButton.addEventListener("click", () => {
  const names = Object.keys(themes);
  const theme = names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length];
  stored(theme);
  setTheme(theme);
});
themeButton.hidden = false;
setTheme(stored() in themes ? stored() : "");

if (model.tables.length) {
  fillControls();
  draw();
} else {
  box.innerHTML = "<p>The run has no cells.</p>";
}
