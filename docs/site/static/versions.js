// Fills the list of versions with those that `versions.js` of the site's root names, if it does.
(() => {
  const list = document.getElementById("site-versions");
  const versions = window.siteVersions || [];
  if (!versions.length) return;
  list.replaceChildren(
    ...versions.map(([name, path]) => new Option(name, path, false, name === list.dataset.version)),
  );
  list.disabled = versions.length < 2;
  list.onchange = () => { location.href = list.dataset.root + list.value + "index.html"; };
})();
