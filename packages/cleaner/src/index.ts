export { type AngleHistogram, angleHistogram } from './angle-histogram.ts';
export { type AuditRow, auditLine, auditRow, auditRows } from './audit-row.ts';
export { type AuditSummary, summarise } from './audit-summary.ts';
export { type AutoInput, type AutoOptions, type AutoScores, autoScores } from './auto/auto-scores.ts';
export type { ClassModes } from './auto/dominant-modes.ts';
export type { MergeProposal } from './auto/merge-proposals.ts';
export { type ScoreByModesInput, scoreByModes, withAutoScores } from './auto/score-by-modes.ts';
export { CleanerError, type CleanerErrorCode } from './cleaner-error.ts';
export { type DecideOptions, type Decision, decide, type OutputLayout, type Verdict } from './decide.ts';
export { type Identity, identitiesFromLabels } from './identity.ts';
export { injectNoise, type NoiseKind, type NoiseOptions, type NoisyLabels } from './noise-injection.ts';
export type { AngleRule, AutoRule, Rule, RuleGuards } from './rule.ts';
export { type Audit, type AuditedIdentity, degreesOf, type ScoreInput, score } from './score.ts';
export { type SeededRandom, seededRandom } from './seeded-random.ts';
export {
  assembleSubcenters,
  type ClassOrder,
  type SubcenterShard,
  type SubcenterWeights,
} from './subcenter-weights.ts';
export { type SweepPoint, sweepThresholds } from './threshold-sweep.ts';
export {
  type ConfusionMetrics,
  confusionMetrics,
  metrics,
  rankMetrics,
  type Truth,
  type TruthMetrics,
} from './truth-metrics.ts';
