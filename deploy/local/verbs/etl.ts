// `npm run etl -- …`: the etl command on the running local stack, or on what the environment names.

import { runWithStack } from '../stack/stack-verb.js';

await runWithStack('etl');
