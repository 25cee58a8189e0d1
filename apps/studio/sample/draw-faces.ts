/** `tsx sample/draw-faces.ts sample|others FOLDER`: draws the sample, or the people that the network of its audit is trained on. */
import { writeDemoDataset } from '../../cli/src/demo/demo-dataset.ts';
import { drawSample } from './draw-sample.ts';

const [which, folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Say which faces to draw, and name the folder.');
if (which === 'sample') await drawSample(folder);
else {
  await writeDemoDataset(folder, {
    seed: 1007,
    identities: 240,
    imagesPerIdentity: 16,
    noise: 0,
    heldOutPeople: 0,
    heldOutImages: 0,
  });
}
