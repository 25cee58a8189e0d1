/** Finds the mislabelled images of a face dataset, and says why each one goes. The table of contents: */

// What is judged: embeddings, identities, and the sub-centres of a training

export { type EmbeddingRows, type Embeddings, unitRows } from './embedding-rows.ts';
export { type Identity, identitiesFromLabels } from './identity.ts';
export {
  assembleSubcenters,
  type ClassOrder,
  type SubcenterShard,
  type SubcenterWeights,
} from './subcenter-weights.ts';

// Scores: by angles to sub-centres (the audit that every rule reads)

export {
  type Audit,
  type AuditedIdentity,
  degreesOf,
  type RecordedVerdicts,
  type ScoreInput,
  SubcenterScorer,
  type SubcenterScorerInput,
  score,
} from './score.ts';

// Scores: by the embeddings alone, in rounds that can be divided

export { type AutoInput, type AutoOptions, type AutoScores, autoScores } from './auto/auto-scores.ts';
export type { ClassModes } from './auto/dominant-modes.ts';
export type { MergeProposal } from './auto/merge-proposals.ts';
export type { ScoreRound, ScoringRound } from './auto/null-scores.ts';
export { type ScoreByModesInput, scoreByModes, withAutoScores } from './auto/score-by-modes.ts';
export {
  type ScoredPortion,
  type ScoringPlan,
  type ScoringPortion,
  scorePortion,
} from './auto/scoring-round.ts';
export type { SplitProposal } from './auto/split-proposals.ts';
export { type StrangerScores, strangerScores, withStrangerScores } from './auto/stranger-scores.ts';

// Scores: by what a training run recorded

export {
  type EpochMargins,
  type TrainingMargins,
  type TrainingScores,
  withTrainingMargins,
} from './training-margins.ts';

// Rules and decisions

export type { OutputIdentity, ProposalKind } from './apply-proposals.ts';
export { type DecideOptions, type Decision, decide, type OutputLayout } from './decide.ts';
export { outputNames } from './output-names.ts';
export type {
  AngleRule,
  AumRule,
  AutoRule,
  QuantileRule,
  RecordedRule,
  Rule,
  RuleGuards,
  SelfTrainedRule,
} from './rules/rule.ts';
export { isLearnedByHeart, type Verdict } from './rules/verdicts.ts';

// What a person decided

export {
  type DecisionConflict,
  type DecisionsFile,
  type MergedDecisions,
  mergeDecisions,
  parseDecision,
  parseDecisions,
  serializeDecisions,
} from './decisions/decisions-file.ts';
export type { PersonalDecision } from './decisions/personal-decisions.ts';

// To look at: rows, a summary, curves

export { type AngleHistogram, angleHistogram } from './angle-histogram.ts';
export {
  type AuditRow,
  auditLine,
  auditRow,
  auditRows,
  type UndecodableRow,
  undecodableRow,
} from './audit-row.ts';
export { type AuditSummary, summarise } from './audit-summary.ts';
export { type SweepPoint, sweepThresholds } from './threshold-sweep.ts';

// An audit read again

export {
  type AuditColumns,
  AuditColumnsBuilder,
  RECORDED_VERDICTS,
  type RecordedIdentity,
} from './recorded/audit-columns.ts';
export { type AuditedData, auditFromColumns, type RecordedAudit } from './recorded/audit-from-columns.ts';
export {
  type AngleEvidence,
  angleEvidence,
  automaticAngle,
  type ExpectedOutcome,
  expectedOutcome,
} from './recorded/expected-outcome.ts';
export { type KeyColumn, keyAt } from './recorded/key-column.ts';

// Near-duplicates

export { differenceHash, HASH_BYTES, hashDistance } from './duplicates/difference-hash.ts';
export { type DuplicateInput, type DuplicatePair, findNearDuplicates } from './duplicates/near-duplicates.ts';

// Measured against a known truth

export { type ConfusionByKind, confusionByKind, type KindOutcome } from './confusion-by-kind.ts';
export { type Interval, type MetricIntervals, metricIntervals, wilson } from './metric-intervals.ts';
export { injectNoise, type NoiseKind, type NoiseOptions, type NoisyLabels } from './noise-injection.ts';
export { type SeededRandom, seededRandom } from './seeded-random.ts';
export {
  type ConfusionMetrics,
  confusionMetrics,
  metrics,
  rankMetrics,
  type Truth,
  type TruthMetrics,
} from './truth-metrics.ts';

// Errors

export { CleanerError, type CleanerErrorCode } from './cleaner-error.ts';
