export { type AngleHistogram, angleHistogram } from './angle-histogram.ts';
export type { OutputIdentity, ProposalKind } from './apply-proposals.ts';
export {
  type AuditRow,
  auditLine,
  auditRow,
  auditRows,
  type UndecodableRow,
  undecodableRow,
} from './audit-row.ts';
export { type AuditSummary, summarise } from './audit-summary.ts';
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
export { CleanerError, type CleanerErrorCode } from './cleaner-error.ts';
export { type ConfusionByKind, confusionByKind, type KindOutcome } from './confusion-by-kind.ts';
export { type DecideOptions, type Decision, decide, type OutputLayout } from './decide.ts';
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
export { differenceHash, HASH_BYTES, hashDistance } from './duplicates/difference-hash.ts';
export { type DuplicateInput, type DuplicatePair, findNearDuplicates } from './duplicates/near-duplicates.ts';
export { type EmbeddingRows, type Embeddings, unitRows } from './embedding-rows.ts';
export { type Identity, identitiesFromLabels } from './identity.ts';
export { type Interval, type MetricIntervals, metricIntervals, wilson } from './metric-intervals.ts';
export { injectNoise, type NoiseKind, type NoiseOptions, type NoisyLabels } from './noise-injection.ts';
export { outputNames } from './output-names.ts';
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
export type { Verdict } from './rules/verdicts.ts';
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
export { type SeededRandom, seededRandom } from './seeded-random.ts';
export {
  assembleSubcenters,
  type ClassOrder,
  type SubcenterShard,
  type SubcenterWeights,
} from './subcenter-weights.ts';
export { type SweepPoint, sweepThresholds } from './threshold-sweep.ts';
export {
  type EpochMargins,
  type TrainingMargins,
  type TrainingScores,
  withTrainingMargins,
} from './training-margins.ts';
export {
  type ConfusionMetrics,
  confusionMetrics,
  metrics,
  rankMetrics,
  type Truth,
  type TruthMetrics,
} from './truth-metrics.ts';
