/** Keeps the studio for use without a network, where it stands on a host of its own. Only a build has the worker that does it. */
export function keepForOffline(): void {
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register('./service-worker.js').catch(() => {
    // Without it the studio works, but only with a network.
  });
}
