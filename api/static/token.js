// The token of this browser tab, for a service that needs one: kept until the tab is closed.
"use strict";

const cellkinToken = {
  get: () => window.sessionStorage.getItem("cellkin-token"),
  set: (token) => window.sessionStorage.setItem("cellkin-token", token.trim()),
  forget: () => window.sessionStorage.removeItem("cellkin-token"),

  // As `fetch`, with the token where there is one.
  fetch(address, options = {}) {
    const headers = new Headers(options.headers);
    const token = cellkinToken.get();
    if (token) headers.set("authorization", `Bearer ${token}`);
    return window.fetch(address, { ...options, headers });
  },
};
