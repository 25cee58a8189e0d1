/** What is open: an audit, the images that it is of, the rule, and what has been decided. Views read it and draw themselves again. */
import { type AngleEvidence, type AuditColumns, angleEvidence, automaticAngle } from '@arcface/cleaner';
import type { FaceDataset, IdentityNames } from '@arcface/recordio';
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { ProposedMerge } from '../audit/audit-summary-file.ts';
import { DecisionBook } from '../decisions/decision-book.ts';
import type { FaceSource } from '../faces/face-source.ts';
import { Thumbnails } from '../faces/thumbnails.ts';
import { type Suspicion, suspicionOfIdentities } from './suspicion.ts';
import {
  type Moves,
  type Outcome,
  outcomeOf,
  recordedMoves,
  ruleVerdicts,
  type StudioRule,
} from './verdicts.ts';

/** The images of a session, where it has some. */
export interface SessionFaces {
  readonly source: FaceSource;
  /** By label, where the dataset has names. */
  readonly names: IdentityNames | undefined;
  /** Opens them as a dataset; reads all labels, so it is done for exporting only. */
  readonly openDataset: () => Promise<FaceDataset>;
  /** Text of the dataset's `property` file. */
  readonly property: string | undefined;
}

export interface SessionInput {
  readonly title: string;
  readonly columns: AuditColumns;
  readonly merges: readonly ProposedMerge[];
  readonly faces: SessionFaces | undefined;
  /** Blur the faces. */
  readonly masked: boolean;
  /** What computed the audit, when it was made here and stands in no file yet. */
  readonly auditMadeBy: string | undefined;
  /** Where the decisions are kept as a file, too, when a server does that. */
  readonly decisionsAddress: string | undefined;
}

export class Session {
  readonly title: string;
  readonly columns: AuditColumns;
  readonly merges: readonly ProposedMerge[];
  readonly faces: SessionFaces | undefined;
  readonly masked: boolean;
  readonly auditMadeBy: string | undefined;
  readonly decisionsAddress: string | undefined;
  readonly thumbnails: Thumbnails | undefined;
  readonly positionOf: ReadonlyMap<number, number>;
  readonly evidence: AngleEvidence;
  /** Degrees; undefined where nothing can be said. */
  readonly automatic: number | undefined;
  readonly suspicion: Suspicion;
  readonly book = new DecisionBook();
  readonly reviewer = signal('');
  readonly rule: Signal<StudioRule> = signal<StudioRule>({ kind: 'recorded' });
  readonly verdicts: ReadonlySignal<Uint8Array>;
  /** What the rule moves to other identities: only `recorded` moves, if the audit did. */
  readonly moves: ReadonlySignal<Moves | undefined>;
  readonly outcome: ReadonlySignal<Outcome>;

  constructor(input: SessionInput) {
    const { columns, faces, masked } = input;
    this.title = input.title;
    this.columns = columns;
    this.merges = input.merges;
    this.faces = faces;
    this.masked = masked;
    this.auditMadeBy = input.auditMadeBy;
    this.decisionsAddress = input.decisionsAddress;
    this.thumbnails = faces && new Thumbnails(columns, faces.source, { masked });
    this.positionOf = new Map(columns.identities.map(({ label }, position) => [label, position]));
    this.evidence = angleEvidence(columns);
    const automatic = automaticAngle(this.evidence);
    // Of a handful of faces that all look wrong it would be 0: that all go is no threshold.
    this.automatic = automatic === 0 ? undefined : automatic;
    this.suspicion = suspicionOfIdentities(columns);
    this.verdicts = computed(() => ruleVerdicts(columns, this.rule.value));
    const moves = recordedMoves(columns, this.positionOf);
    this.moves = computed(() => (this.rule.value.kind === 'recorded' ? moves : undefined));
    this.outcome = computed(() => {
      void this.book.version.value;
      return outcomeOf(columns, {
        verdicts: this.verdicts.value,
        moves: this.moves.value,
        decisions: this.book.all,
        positionOf: this.positionOf,
      });
    });
  }

  /** How an identity is called on the screen. */
  nameOf(position: number): string {
    const { name, label } = this.columns.identities[position]!;
    return name ?? `Identity ${label}`;
  }

  close(): void {
    this.thumbnails?.close();
  }
}
