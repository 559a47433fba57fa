import { storeContract } from '../contract/store.ts';
import { emptyRamDisk, ramStore } from './world/ram-store.ts';

storeContract('the store of the simulated world', () => {
  const disk = emptyRamDisk();
  return Promise.resolve({ open: () => Promise.resolve(ramStore(disk)), remove: () => Promise.resolve() });
});
