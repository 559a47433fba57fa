// At most `size` leases at once. Who waits longer than `waitMs` gets a 503; a lease nobody returns ends by itself.
export function createPool({ size, waitMs, leaseMs }) {
  const leases = new Map();
  const waiting = new Set();
  let last = 0;

  function grant() {
    const lease = ++last;
    leases.set(lease, setTimeout(release, leaseMs, lease));
    return lease;
  }

  function release(lease) {
    clearTimeout(leases.get(lease));
    if (!leases.delete(lease)) return;
    const [next] = waiting;
    if (next === undefined) return;
    waiting.delete(next);
    next(grant());
  }

  function acquire() {
    if (leases.size < size) return Promise.resolve(grant());
    return new Promise((resolve, reject) => {
      const take = (lease) => {
        clearTimeout(timer);
        resolve(lease);
      };
      const timer = setTimeout(() => {
        waiting.delete(take);
        reject(Object.assign(new Error('waited too long for a lease'), { status: 503 }));
      }, waitMs);
      waiting.add(take);
    });
  }

  return { acquire, release };
}
