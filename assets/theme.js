// Dark or light before the first paint: the remembered choice, else what the system prefers.
(function () {
  "use strict";
  var root = document.documentElement;
  var remembered = null;
  try { remembered = localStorage.getItem("arbdeck-theme"); } catch (error) { /* storage may be forbidden */ }
  var light = window.matchMedia && window.matchMedia("(prefers-color-scheme: light)").matches;
  root.dataset.theme = remembered === "dark" || remembered === "light" ? remembered : light ? "light" : "dark";
})();
