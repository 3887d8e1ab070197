// The token stays in this tab, and out of its address: an address is shown, kept and passed on.
"use strict";
const address = new URL(location.href);
for (const name of ["token", "ticket"]) address.searchParams.delete(name);
try {
  sessionStorage.setItem("automl.token", document.querySelector("meta[name=automl-token]").content);
} catch (error) {
  // A browser that keeps nothing shows the pages all the same; what needs the token says so.
}
location.replace(address.href);
