/** Keeps the studio for use without a network, where it stands on a host of its own: what `arcface studio` serves ends with it. */
export function keepForOffline(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register('./service-worker.js').catch(() => {
    // Without it the studio works, but only with a network.
  });
}
