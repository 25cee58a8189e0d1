/**
 * Evidence for what an ONNX model that says nothing of its input was made for, from running it on a few images in each of
 * the ways in question: by what its batch norms remember (much the stronger), or else by mirror images.
 */
import type { OnnxModel } from 'onnx-format';
import { divergence, earlyBatchNorms, withValuesOf } from './batch-norm-divergence.ts';
import { imagesAtOnce, type OpenOnnxSession, type SampleImages } from './candidate-runs.ts';
import type { OnnxImageInput } from './image-input.ts';
import type { InputCandidate } from './input-candidates.ts';
import type { OnnxInputConvention } from './input-convention.ts';
import { mirrorSeparation } from './mirror-separation.ts';

/** How well a candidate fits: lower is better. */
export interface ScoredCandidate {
  readonly candidate: InputCandidate;
  readonly score: number;
}

/** What the evidence says. */
export interface InputEvidence {
  readonly kind: 'batch-norm' | 'mirror';
  /** The best first. */
  readonly ranking: readonly ScoredCandidate[];
}

export interface EvidenceOptions {
  readonly model: OnnxModel;
  readonly input: OnnxImageInput;
  readonly layout: OnnxInputConvention['layout'];
  /** At least one. */
  readonly candidates: readonly InputCandidate[];
  readonly samples: SampleImages;
  readonly open: OpenOnnxSession;
}

/** Runs the model on the samples with every candidate. */
export async function gatherInputEvidence(options: EvidenceOptions): Promise<InputEvidence> {
  const { model, candidates } = options;
  const norms = earlyBatchNorms(model.graph);
  const kind = norms.length > 0 ? 'batch-norm' : 'mirror';
  const graph = kind === 'mirror' ? model.graph : withValuesOf(norms, model.graph);
  const session = await options.open({ ...model, graph });
  try {
    const running = { ...options, step: await imagesAtOnce(session, options, candidates[0]!) };
    const ranking: ScoredCandidate[] = [];
    for (const candidate of candidates) {
      const score =
        kind === 'mirror'
          ? -(await mirrorSeparation(session, running, candidate))
          : await divergence(session, running, candidate, norms);
      ranking.push({ candidate, score: Number.isNaN(score) ? Number.POSITIVE_INFINITY : score });
    }
    return { kind, ranking: ranking.sort((a, b) => a.score - b.score) };
  } finally {
    await session.release();
  }
}
