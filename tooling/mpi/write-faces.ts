/** A few striped "faces" to train on: `write-faces.ts FOLDER`. */
import { writeStripedFaces } from '../../apps/cli/src/testing/striped-faces.ts';

await writeStripedFaces(process.argv[2]!, { identities: 5, images: 12 });
