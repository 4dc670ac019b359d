// Keeps the page and its network, so that both open without a connection; another version replaces them.

importScripts("files.js"); // FILES, VERSION
const mine = `foveate ${self.registration.scope} `; // other pages of this host keep their own
const now = mine + self.VERSION;

self.addEventListener("install", (event) => {
  const keep = caches.open(now).then((cache) => cache.addAll(self.FILES));
  event.waitUntil(keep.then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = caches
    .keys()
    .then((names) => names.filter((name) => name.startsWith(mine) && name !== now))
    .then((names) => Promise.all(names.map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const kept = caches.open(now).then((cache) => cache.match(event.request, { ignoreSearch: true }));
  event.respondWith(kept.then((found) => found ?? fetch(event.request)));
});
