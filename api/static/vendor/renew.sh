#!/bin/sh
# Renews the files of this folder from the npm packages' own prebuilt files. Needs npm and a registry.
#   ./renew.sh            fetch the versions below and check them against SHA256SUMS
#   ./renew.sh --accept   fetch them and write SHA256SUMS anew, after changing a version
set -eu
GRAPHIQL=4.1.2
REACT=18.3.1
folder=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # name, version: unpack the package into $work/name
  mkdir "$work/$1"
  tar -xzf "$work/$(cd "$work" && npm pack --silent "$1@$2")" -C "$work/$1" --strip-components=1
}

fetch graphiql "$GRAPHIQL"
fetch react "$REACT"
fetch react-dom "$REACT"
cp "$work/graphiql/graphiql.min.js" "$work/graphiql/graphiql.min.css" "$folder/"
cp "$work/graphiql/LICENSE" "$folder/LICENSE-graphiql.txt"
cp "$work/react/umd/react.production.min.js" "$work/react-dom/umd/react-dom.production.min.js" "$folder/"
cp "$work/react/LICENSE" "$folder/LICENSE-react.txt"
chmod 644 "$folder"/*.js "$folder"/*.css "$folder"/*.txt
cd "$folder"
[ "${1:-}" = --accept ] && sha256sum -- *.js *.css LICENSE-*.txt > SHA256SUMS
sha256sum --check --quiet SHA256SUMS
