// Makes the authority that the tests trust: a gate makes one when it first starts.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { House } from './house.mjs';

const house = await House.open(null);
await cp(join(house.dir, 'data', 'tls'), process.argv[2], { recursive: true });
await house.close();
