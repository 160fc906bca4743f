// GraphiQL on this address. `?query=…` (and `&variables=…`) opens that query in a tab.
"use strict";

const EXAMPLE = `# cellkin: press ▶ (Ctrl-Enter) to run. Ctrl-Space completes; the book at the left describes every field.
# Take a tracking's id from this answer and ask for a lineage:
#   tracking(id: "…") { track(label: 7) { lineage { tracks { id parent { id } begin end } } } }

query Movies {
  movies {
    name
    frames
    minutesPerFrame
    trackings {
      id
      kind
      author
      counts {
        detections
        tracks
        divisions
      }
    }
  }
}
`;

const { createElement } = React;
const asked = new URLSearchParams(window.location.search);
const logo = createElement(
  "a",
  { href: "/", className: "cellkin-logo", title: "Start page" },
  createElement("img", { src: "/static/icon.svg", alt: "" }),
  "cellkin",
);

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  createElement(
    GraphiQL,
    {
      fetcher: GraphiQL.createFetcher({ url: window.location.pathname }),
      defaultQuery: EXAMPLE,
      query: asked.get("query") ?? undefined,
      variables: asked.get("variables") ?? undefined,
      defaultEditorToolsVisibility: "variables",
      isHeadersEditorEnabled: false,
    },
    createElement(GraphiQL.Logo, null, logo),
  ),
);
