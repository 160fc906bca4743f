// GraphiQL on this address. `?query=…` (and `&variables=…`) opens that query in a tab.
"use strict";

const EXAMPLE = `# Ctrl-Enter runs this, Ctrl-Space completes.
# The book at the left describes every field.

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

# With a tracking's id from the answer, a lineage:
#
# query Lineage {
#   tracking(id: "…") {
#     track(label: 1) {
#       lineage {
#         tracks { id label parentId begin end }
#         divisions { frame mother { label } }
#       }
#     }
#   }
# }
`;

// As `fetch`; asks for a token where the service needs one, and tries again with it.
async function fetchWithToken(address, options) {
  const answer = await cellkinToken.fetch(address, options);
  if (answer.status !== 401) return answer;
  cellkinToken.forget();
  const token = window.prompt("This service needs a token (cellkin token create --scope read):");
  if (!token) return answer;
  cellkinToken.set(token);
  return cellkinToken.fetch(address, options);
}

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
      fetcher: GraphiQL.createFetcher({ url: window.location.pathname, fetch: fetchWithToken }),
      defaultQuery: EXAMPLE,
      query: asked.get("query") ?? undefined,
      variables: asked.get("variables") ?? undefined,
      defaultEditorToolsVisibility: false,
      isHeadersEditorEnabled: false,
    },
    createElement(GraphiQL.Logo, null, logo),
  ),
);
