// Every widget of a page: the module of its name makes it, given what the chapter's program computed.

for (const root of document.querySelectorAll(".widget")) {
  const given = root.querySelector("script");
  import(`./${root.dataset.widget}.js`)
    .then(({ mount }) => mount(root, given ? JSON.parse(given.textContent) : null))
    .then(() => root.classList.add("ready"))
    .catch((error) => {
      console.error(error);
      root.append(`This part could not be made: ${error.message}`);
    });
}

// What scrolls sideways on a phone can be reached and scrolled by keys.
for (const block of document.querySelectorAll("div.highlight pre")) block.tabIndex = 0;
