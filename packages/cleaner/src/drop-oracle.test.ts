import { existsSync, readFileSync } from 'node:fs';
import { parseNdArrays, toFloat32 } from '@arcface/backbones';
import { describe, expect, it } from 'vitest';
import { auditRow } from './audit-row.ts';
import { decide } from './decide.ts';
import { identitiesFromLabels } from './identity.ts';
import { score } from './score.ts';
import { assembleSubcenters, type SubcenterShard } from './subcenter-weights.ts';

/*
 * The reference's drop script, run on 506 LFW faces: every vote, every decision, every new label and key.
 */

const directory = new URL('../../../../shared/oracle/drop/', import.meta.url);

interface Run {
  K: number;
  threshold_deg: number;
  images_out: number;
  identities_out: number;
  per_identity: {
    votes: number[];
    dominant: number;
    kept: number;
    new_label: number | null;
  }[];
  images: {
    key: number;
    label: number;
    cos: number;
    angle_deg: number;
    subcenter: number;
    kept: boolean;
    new_key: number | null;
    new_label: number | null;
  }[];
}

const runs: [name: string, params: string][] = [
  ['k3_t75', 'fc7_k3'],
  ['k3_t70', 'fc7_k3'],
  ['k1_t75', 'fc7_k1'],
  ['k3_t60_3shards', 'fc7_k3'],
  ['k3_t40_2shards', 'fc7_k3_2shards'],
  ['k3_random_t89', 'fc7_k3_random'],
];

/** The float32 matrix of a version 1 `.npy` file. */
function readMatrix(name: string): Float32Array {
  const bytes = new Uint8Array(readFileSync(new URL(name, directory)));
  const headerLength = new DataView(bytes.buffer).getUint16(8, true);
  return new Float32Array(bytes.slice(10 + headerLength).buffer);
}

function readShards(name: string): SubcenterShard[] {
  return parseNdArrays(readFileSync(new URL(name, directory))).arrays.map((array) => ({
    name: array.name,
    shape: array.shape,
    data: toFloat32(array),
  }));
}

describe.skipIf(!existsSync(directory))('the reference drop runs (need ../shared/oracle/drop)', () => {
  describe.each(runs)('%s', (name, params) => {
    it.each(['embeddings_normalised.npy', 'embeddings_raw.npy'])('from %s', (embeddings) => {
      const run: Run = JSON.parse(readFileSync(new URL(`out_${name}.json`, directory), 'utf8'));
      const labels = Int32Array.from(run.images, ({ label }) => label);
      const audit = score({
        embeddings: readMatrix(embeddings),
        dimensions: 128,
        labels,
        identities: identitiesFromLabels(labels),
        subcenters: assembleSubcenters(readShards(`${params}.params`), {
          subcenters: run.K,
          classOrder: 'position',
        }),
        key: (image) => run.images[image]!.key,
      });
      const decision = decide(audit, { kind: 'angle', degrees: run.threshold_deg }, { layout: 'flat' });

      expect(audit.identities.map(({ votes, dominant }) => ({ votes: [...votes], dominant }))).toEqual(
        run.per_identity.map(({ votes, dominant }) => ({ votes, dominant })),
      );
      expect(decision.kept).toBe(run.images_out);
      expect(decision.identitiesKept.length).toBe(run.identities_out);
      const rows = run.images.map((_, i) => auditRow(audit, decision, i));
      expect(
        rows.map((row) => ({
          key: row.key,
          label: row.label,
          subcenter: row.subcenter,
          kept: row.decision === 'keep',
          new_key: row.newKey ?? null,
          new_label: row.newLabel ?? null,
        })),
      ).toEqual(run.images.map(({ cos: _, angle_deg: __, ...rest }) => rest));
      run.images.forEach(({ cos, angle_deg }, i) => {
        expect(Math.abs(audit.cosine[i]! - cos)).toBeLessThan(2e-6);
        expect(Math.abs(rows[i]!.angle - angle_deg)).toBeLessThan(2e-3);
      });
      // The other layout only counts from one.
      const behindHeader = decide(audit, { kind: 'angle', degrees: run.threshold_deg });
      expect(behindHeader.newKeys).toEqual(decision.newKeys.map((key) => (key < 0 ? -1 : key + 1)));
      expect(behindHeader.newLabels).toEqual(decision.newLabels);
    });
  });
});
