/*
 * Keeps the studio for use without a network. The build fills in the names of its files. Files of the sample are kept when they are
 * first read; a user's own files never come here, since the page reads them itself.
 */
const CACHE = `arcface-studio-${__VERSION__}`;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(__FIRST__)));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter(
        (name) => name.startsWith('arcface-studio-') && name !== CACHE,
      );
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
      const cache = await caches.open(CACHE);
      // In the background: the page does not wait for them.
      cache.addAll(__LATER__).catch(() => {});
    })(),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== self.location.origin || request.headers.has('range'))
    return;
  event.respondWith(answer(request, address));
});

async function answer(request, address) {
  const cache = await caches.open(CACHE);
  const page = request.mode === 'navigate';
  // Hosts say that answers vary with the origin; here there is one only.
  const kept = await cache.match(page ? './' : request, { ignoreSearch: page, ignoreVary: true });
  if (kept !== undefined) return kept;
  const response = await fetch(request);
  if (response.ok && address.pathname.includes('/sample/')) await cache.put(request, response.clone());
  return response;
}
