// Looks every other second how far a job is; without it the page says so when it is loaded again.
(function () {
  "use strict";
  var SOON = 2000, LATER = 10000;
  var place = document.querySelector("[data-progress]");
  if (!place || !window.fetch) { return; }
  var bar = place.querySelector("progress");
  var words = place.querySelector("[data-words]");
  var still = place.querySelector("[data-still] strong");

  function say(where, what) {
    if (where.textContent !== what) { where.textContent = what; }
  }

  function show(said) {
    if (said.state !== "running") { window.location.reload(); return; }
    bar.value = said.done;
    bar.max = said.of;
    say(words, said.words);
    say(still, said.still);
    window.setTimeout(look, SOON);
  }

  function look() {
    window.fetch(place.dataset.progress, { credentials: "same-origin", headers: { Accept: "application/json" } })
      .then(function (answer) { if (!answer.ok) { throw new Error(answer.status); } return answer.json(); })
      .then(show)
      .catch(function () { window.setTimeout(look, LATER); });
  }

  window.setTimeout(look, SOON);
})();
