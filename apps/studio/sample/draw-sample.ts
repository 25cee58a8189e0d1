/** The sample dataset: 32 drawn people, three labels in ten wrong. The same bytes wherever the same sharp draws them. */
import { writeDemoDataset } from '../../cli/src/demo/demo-dataset.ts';

/** @returns the folder with `train.rec` and `truth.csv` */
export async function drawSample(folder: string): Promise<string> {
  const { data } = await writeDemoDataset(folder, {
    seed: 7,
    identities: 32,
    imagesPerIdentity: 24,
    noise: 0.3,
    heldOutPeople: 0,
    heldOutImages: 0,
  });
  return data;
}
