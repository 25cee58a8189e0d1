import { expect, it } from 'vitest';
import { threeWayPosterior } from './three-way-posterior.ts';

it('gives probabilities where odds underflow and a centre is certainly a stranger’s', () => {
  const images = 40;
  const doubt = new Float64Array(images);
  doubt[7] = 1;
  const { pClean, pOutsider, pElsewhere } = threeWayPosterior(
    {
      own: new Float64Array(images).fill(35),
      best: new Float64Array(images).fill(2),
      nullNormal: { median: 0, deviation: 0.8 },
    },
    { attenuation: new Float64Array(images).fill(1), doubt, size: new Int32Array(images).fill(10) },
  );
  for (let i = 0; i < images; i++) {
    expect(pClean[i]! + pOutsider[i]! + pElsewhere[i]!).toBeCloseTo(1, 9);
  }
});
