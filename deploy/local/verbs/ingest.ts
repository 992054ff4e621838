// `npm run ingest -- …`: one more ingest on the running local stack, or on what the environment
// names; it fills the new generation of a rebuild (`--generation <n>`), or counts beside the
// stack's own.

import { runWithStack } from '../stack/stack-verb.js';

await runWithStack('ingest');
