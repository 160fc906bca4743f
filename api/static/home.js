// The start page: asks this service for its movies, as any other client would.

const MOVIES = `{
  movies {
    name frames height width pixelSize minutesPerFrame
    trackings {
      id kind author version created
      counts { detections tracks divisions }
      files { kind form path }
      scores { created computed { id } reference { kind author } parameters TRA }
    }
  }
}`;

const WEIGHTS = { NS: 5, FN: 10, FP: 1, ED: 1, EA: 1.5, EC: 1 };

const lineages = (tracking) => `# The first five lineages with a division:
# tracks as flat lists with their parents.
query Lineages {
  tracking(id: "${tracking}") {
    tracks(first: 5, founders: true, divides: true) {
      nodes {
        label
        lineage {
          tracks { id label parentId begin end }
          divisions { frame mother { label } }
        }
      }
    }
  }
}
`;

const element = (name, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};
const count = (value) => value.toLocaleString("en");
const STORED = { dateStyle: "short", timeStyle: "short", hourCycle: "h23" };
const byDate = (one, other) => one.created.localeCompare(other.created);
const round = (value, digits) => String(Number(value.toFixed(digits)));

class TokenNeeded extends Error {}

async function ask(query, variables = {}) {
  const response = await cellkinToken.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (response.status === 401) throw new TokenNeeded(answer.errors[0].extensions.problem);
  if (answer.errors) throw new Error(answer.errors[0].message);
  return answer.data;
}

function facts(movie) {
  const known = [`${count(movie.frames)} frames`, `${movie.height} × ${movie.width} pixels`];
  if (movie.pixelSize) known.push(`${round(movie.pixelSize, 4)} µm a pixel`);
  if (movie.minutesPerFrame) known.push(`${round(movie.minutesPerFrame, 3)} min a frame`);
  return known.join(" · ");
}

// The newest against a ground truth, by the challenge's weights.
function score(tracking) {
  const usual = ({ weights }) => Object.entries(WEIGHTS).every(([operation, weight]) => weights[operation] === weight);
  const newest = tracking.scores
    .filter((s) => s.computed.id === tracking.id && s.reference.kind === "GROUND_TRUTH")
    .filter((s) => s.TRA !== null && usual(s.parameters))
    .sort(byDate)
    .at(-1);
  return newest ? element("span", { title: `against ${newest.reference.author}` }, round(newest.TRA, 4)) : "–";
}

// A link to a file. A browser sends no token with it, so one that has a token asks for a signed link first.
function file(path, label) {
  const link = element("a", { href: path }, label);
  link.addEventListener("click", async (event) => {
    if (!cellkinToken.get()) return;
    event.preventDefault();
    const { signedUrl } = await ask("query($p: String!) { signedUrl(path: $p) { url } }", { p: path });
    window.location.assign(signedUrl.url);
  });
  return link;
}

const FILE_NAMES = {
  TIMESERIES: ["time series", "a row a detection with its descent, cell by cell"],
  DETECTIONS: ["detections", "a row a detection, frame by frame"],
  TRACKS: ["tracks", "a row a track, with the mean of each feature"],
  LINKS: ["links", "a row a link between two detections"],
  NAPARI: ["napari", "track_id, t, y, x, parent_track_id"],
  CTC: ["masks", "a Cell Tracking Challenge result"],
};
const FORM_NAMES = { PARQUET: "Parquet", ARROW: "Arrow", CSV: "CSV", ZIP: "zip" };

function fileList({ id, files }) {
  const rows = Object.entries(FILE_NAMES).map(([kind, [name, what]]) => {
    const links = files
      .filter((found) => found.kind === kind)
      .map(({ path, form }) => file(path, FORM_NAMES[form]));
    return links.length ? [element("dt", {}, name), element("dd", {}, ...links, element("span", {}, what))] : [];
  });
  const summary = element("summary", {}, "Data");
  const named = [element("dt", {}, "id"), element("dd", {}, element("code", {}, id))];
  return element("details", {}, summary, element("dl", { className: "files" }, ...named, ...rows.flat()));
}

function filesRow(tracking) {
  return element("tr", { className: "files" }, element("td", { colSpan: 8 }, fileList(tracking)));
}

function trackingRow(tracking) {
  const { detections, tracks, divisions } = tracking.counts;
  const number = (value) => element("td", { className: "number" }, value);
  const kind = tracking.kind.toLowerCase().replace("_", " ");
  return element(
    "tr",
    {},
    element("td", {}, element("span", { className: `kind ${tracking.kind}` }, kind)),
    element("td", {}, [tracking.author, tracking.version].filter(Boolean).join(" ")),
    element("td", { className: "quiet" }, new Date(tracking.created).toLocaleString("en-CA", STORED)),
    ...[detections, tracks, divisions].map((value) => number(count(value))),
    number(score(tracking)),
    element(
      "td",
      {},
      element("a", { href: `/graphql?query=${encodeURIComponent(lineages(tracking.id))}` }, "lineages"),
    ),
  );
}

function movieCard(movie) {
  const titles = ["tracking", "by", "stored", "detections", "tracks", "divisions", "TRA", ""];
  const numbers = titles.slice(3, 7);
  const head = titles.map((title) => element("th", { className: numbers.includes(title) ? "number" : "" }, title));
  const table = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...movie.trackings.flatMap((one) => [trackingRow(one), filesRow(one)])),
  );
  const shown = movie.trackings.length ? table : element("p", { className: "quiet" }, "No tracking yet.");
  return element(
    "article",
    { className: "movie" },
    element("h3", {}, movie.name),
    element("p", { className: "quiet" }, facts(movie)),
    shown,
  );
}

function showMovies(movies) {
  const hint = element(
    "p",
    { className: "quiet" },
    "Nothing is stored yet: ",
    element("code", {}, "cellkin demo"),
    " makes a movie, ",
    element("code", {}, "cellkin track MOVIE"),
    " tracks yours.",
  );
  const cards = movies.length ? movies.map(movieCard) : [hint];
  document.getElementById("movies").replaceChildren(element("h2", {}, "Movies"), ...cards);
}

function fillExamples(movies) {
  const newest = movies.flatMap((movie) => movie.trackings).sort(byDate).at(-1);
  for (const example of [document.getElementById("pandas"), document.getElementById("curl")]) {
    example.textContent = example.textContent
      .replace("{id}", newest?.id ?? "{id}")
      .replace(/\/(trackings|graphql)/, `${window.location.origin}/$1`);
  }
}

function showTokenForm(problem) {
  const input = element("input", { type: "password", autocomplete: "off", required: true, placeholder: "ck_…" });
  input.setAttribute("aria-label", "Token");
  const hint = element("p", { className: "quiet" }, element("code", {}, "cellkin token create --scope read"), " makes one.");
  const form = element("form", {}, element("p", {}, `Not shown: ${problem}.`), input, " ", element("button", {}, "Use this token"), hint);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    cellkinToken.set(input.value);
    show();
  });
  document.getElementById("movies").replaceChildren(element("h2", {}, "Movies"), form);
  input.focus();
}

async function show() {
  try {
    const { movies } = await ask(MOVIES);
    showMovies(movies);
    fillExamples(movies);
  } catch (error) {
    if (error instanceof TokenNeeded) {
      cellkinToken.forget();
      showTokenForm(error.message);
      return;
    }
    const text = element("p", { className: "error" }, `The movies cannot be read: ${error.message}`);
    document.getElementById("movies").replaceChildren(text);
  }
}

await show();
