/**
 * The report of an audit: one HTML file that needs nothing else. Everything in it is bounded (the worst identities, the surest
 * proposals, a few faces of each), so that a million images make a page as light as ten do; the audit's rows have the rest.
 */
import {
  type Audit,
  type AuditedIdentity,
  type Decision,
  type DuplicatePair,
  degreesOf,
  summarise,
  sweepThresholds,
} from '@arcface/cleaner';
import type { UndecodableImage } from '@arcface/trainer';
import { type ProposalLists, proposalLists, SUMMARISED } from '../cleaning/proposal-lists.ts';
import { openImage } from '../decode.ts';
import { angleHistogramSvg } from './angle-histogram-svg.ts';
import {
  identityRow,
  type ReportIdentity,
  type ReportTable,
  reportPage,
  tableSection,
} from './audit-report.ts';
import { type Html, html } from './html.ts';

export interface CleaningReportInput {
  readonly judged: {
    readonly audit: Audit;
    readonly positions: Int32Array;
    readonly undecodable: readonly UndecodableImage[];
    readonly duplicates: readonly DuplicatePair[];
    readonly dataset: {
      readonly length: number;
      /** Without it no face is shown. */
      readonly read?: ((position: number) => Promise<{ readonly bytes: Uint8Array }>) | undefined;
    };
  };
  readonly decision: Decision;
  readonly title: string;
  /** Whether each image of the dataset is bad, where that is known. */
  readonly bad?: ArrayLike<number> | undefined;
}

/** Entries of a table, identities shown, faces of each. */
const MOST = { rows: 50, identities: 24, faces: 6 };
/** Side of a face on the page, pixels (twice what it is shown at, for dense screens). */
const FACE = 112;
/** Identities in a cluster have so many images or more. */
const CLUSTERS = [1, 4, 10, 30, 100, 300, 1000];

export async function cleaningReport(input: CleaningReportInput): Promise<string> {
  const { judged, decision, title } = input;
  const { audit } = judged;
  const summary = summarise(audit, decision);
  const bad = input.bad && judged.positions.map((position) => input.bad![position]!);
  const proposals = proposalLists(judged, MOST.rows);
  const dropped = summary.dropped + judged.undecodable.length;
  const share = ((100 * dropped) / Math.max(1, judged.dataset.length)).toFixed(2);
  const threshold = decision.rule.kind === 'angle' ? decision.rule.degrees : undefined;
  return reportPage({
    title,
    lead: [
      `Rule: ${JSON.stringify(decision.rule)}. Nothing has been changed; this is what the rule would do.`,
    ],
    cards: [
      {
        figure: grouped(judged.dataset.length),
        meaning: `images of ${grouped(summary.identities)} identities`,
      },
      { figure: grouped(dropped), meaning: `would be dropped (${share} %)` },
      { figure: grouped(summary.unresolved), meaning: 'unresolved: kept so that no identity is lost' },
      { figure: grouped(summary.relabel), meaning: 'seem to show another identity' },
      {
        figure: `${grouped(summary.merges)} / ${grouped(summary.splits)}`,
        meaning: 'proposed merges / splits',
      },
      {
        figure: `${grouped(judged.duplicates.length)} / ${grouped(judged.undecodable.length)}`,
        meaning: 'near-duplicates / unreadable',
      },
    ],
    sections: [
      histogramSection(audit, bad, threshold),
      clusterSection(audit, bad, threshold),
      tableSection(sweepTable(audit, bad)),
      await identitySection(input, bad),
      ...proposalTables(proposals, {
        merges: audit.auto?.merges.length ?? 0,
        splits: audit.auto?.splits.length ?? 0,
        relabels: summary.relabel,
        duplicates: judged.duplicates.length,
      }).map(tableSection),
      ...(judged.undecodable.length === 0 ? [] : [tableSection(unreadableTable(judged.undecodable))]),
    ],
    footer: [
      'Made by arcface audit. Angles are to the dominant sub-centre of the label (or to the group of look-alikes that stands in for it).',
    ],
  });
}

function histogramSection(audit: Audit, bad: Int32Array | undefined, threshold: number | undefined): Html {
  return html`<section><h2>Angles of all images</h2>${angleHistogramSvg({ angles: audit.cosine.map(degreesOf), bad, threshold })}</section>`;
}

function clusterSection(audit: Audit, bad: Int32Array | undefined, threshold: number | undefined): Html {
  const clusters = CLUSTERS.map((least, i) => {
    const most = CLUSTERS[i + 1] ?? Number.POSITIVE_INFINITY;
    const identities = audit.identities.filter(
      ({ images }) => images.length >= least && images.length < most,
    );
    return { least, most, identities, images: identities.flatMap(({ images }) => [...images]) };
  }).filter(({ images }) => images.length > 0);
  if (clusters.length < 2) return html``;
  return html`<section><h2>Angles by size of the identity</h2>${clusters.map(
    ({ least, most, identities, images }) => {
      const range =
        most === Number.POSITIVE_INFINITY ? `${least} images or more` : `${least} to ${most - 1} images`;
      return html`<h3>${range}: ${grouped(identities.length)} identities, ${grouped(images.length)} images</h3>${angleHistogramSvg(
        {
          angles: images.map((image) => degreesOf(audit.cosine[image]!)),
          bad: bad && images.map((image) => bad[image]!),
          threshold,
        },
      )}`;
    },
  )}</section>`;
}

function sweepTable(audit: Audit, bad: Int32Array | undefined): ReportTable {
  const degrees = Array.from({ length: 13 }, (_, i) => 40 + 5 * i);
  const expected = expectedMetrics(audit, degrees);
  const points = sweepThresholds(audit, { degrees, ...(bad === undefined ? {} : { bad }) });
  const percent = (value: number | null | undefined) =>
    value === null || value === undefined ? '' : `${(100 * value).toFixed(1)} %`;
  return {
    title: 'What a threshold on the angle would do',
    text: expected
      ? ['Expected precision and recall follow from the probabilities of the automatic rule.']
      : [],
    columns: [
      'degrees',
      'kept',
      'dropped',
      'identities',
      ...(expected ? ['expected precision', 'expected recall'] : []),
      ...(bad ? ['precision', 'recall', 'F1'] : []),
    ],
    rows: points.map(({ degrees: at, kept, dropped, identitiesKept, metrics }, i) => ({
      cells: [
        `${at}°`,
        grouped(kept),
        grouped(dropped),
        grouped(identitiesKept),
        ...(expected ? [percent(expected[i]!.precision), percent(expected[i]!.recall)] : []),
        ...(bad ? [percent(metrics?.precision), percent(metrics?.recall), percent(metrics?.f1)] : []),
      ],
    })),
  };
}

/** Of dropping from each angle on, were every image bad with its probability. */
function expectedMetrics(
  { auto, cosine }: Audit,
  degrees: readonly number[],
): { precision: number | null; recall: number | null }[] | undefined {
  if (!auto) return undefined;
  const order = Int32Array.from(cosine.keys()).sort((a, b) => cosine[a]! - cosine[b]!);
  const total = auto.pClean.reduce((sum, p) => sum + 1 - p, 0);
  let next = 0;
  let found = 0;
  // The largest angle first: images are added as the threshold falls.
  return degrees
    .toReversed()
    .map((at) => {
      const limit = Math.cos((at * Math.PI) / 180);
      for (; next < order.length && cosine[order[next]!]! <= limit; next++)
        found += 1 - auto.pClean[order[next]!]!;
      return { precision: next === 0 ? null : found / next, recall: total === 0 ? null : found / total };
    })
    .reverse();
}

async function identitySection(
  { judged, decision }: CleaningReportInput,
  bad: Int32Array | undefined,
): Promise<Html> {
  const { audit } = judged;
  const lost = (identity: AuditedIdentity): number =>
    identity.images.reduce((sum, image) => sum + Number(decision.verdicts[image] !== 'keep'), 0);
  const worst = audit.identities
    .map((identity) => ({ identity, lost: lost(identity) }))
    .filter((each) => each.lost > 0)
    .sort((a, b) => b.lost / b.identity.images.length - a.lost / a.identity.images.length || b.lost - a.lost)
    .slice(0, MOST.identities);
  if (worst.length === 0) return html`<section><h2>Most suspicious identities</h2><p>None.</p></section>`;
  const rows: Html[] = [];
  for (const { identity } of worst)
    rows.push(identityRow(await shownIdentity(identity, judged, decision, bad)));
  return html`<section><h2>Most suspicious identities</h2><p>The identities that would lose the largest share of their images, the most suspicious faces first.</p>${rows}</section>`;
}

async function shownIdentity(
  { label, name, images }: AuditedIdentity,
  { audit, positions, dataset }: CleaningReportInput['judged'],
  decision: Decision,
  bad: Int32Array | undefined,
): Promise<ReportIdentity> {
  const worstFirst = images.toSorted((a, b) => decision.suspicion[b]! - decision.suspicion[a]! || a - b);
  const stays = worstFirst.filter((image) => decision.verdicts[image] === 'keep').reverse();
  const goes = worstFirst.filter((image) => decision.verdicts[image] !== 'keep');
  const show = (list: Int32Array) =>
    dataset.read === undefined
      ? []
      : Promise.all(
          Array.from(list.subarray(0, MOST.faces), async (image) => {
            const { bytes } = await dataset.read!(positions[image]!);
            const dropped = decision.verdicts[image] !== 'keep';
            return {
              jpeg: await thumbnail(bytes),
              description: `${audit.key(image)}: ${decision.reasons[image]}`,
              captions: [
                `${degreesOf(audit.cosine[image]!).toFixed(0)}°`,
                ...(dropped ? [shortReason(decision.reasons[image]!)] : []),
              ],
              right: bad && Boolean(bad[image]) === dropped,
            };
          }),
        );
  return {
    name: name ?? `label ${label}`,
    summary: `${name === undefined ? '' : `label ${label}, `}${images.length} images`,
    kept: await show(stays),
    keptInAll: stays.length,
    dropped: await show(goes),
    droppedInAll: goes.length,
  };
}

/** With separators of thousands. */
function grouped(count: number): string {
  return count.toLocaleString('en');
}

/** What fits under a face: `elsewhere` of `auto:elsewhere`, `last image` of `auto:last-image`. */
function shortReason(reason: string): string {
  return reason.slice(reason.indexOf(':') + 1).replaceAll('-', ' ');
}

async function thumbnail(bytes: Uint8Array): Promise<Uint8Array> {
  // An image with small faults was judged, so it is shown.
  return openImage(bytes, { failOn: 'none' })
    .resize(FACE, FACE, { fit: 'cover' })
    .jpeg({ quality: 70 })
    .toBuffer();
}

/** @param inAll how many there are of each, of which the lists are the surest */
function proposalTables(
  { merges, splits, relabels, duplicates }: ProposalLists,
  inAll: Readonly<Record<keyof ProposalLists, number>>,
): ReportTable[] {
  const percent = (p: number) => `${(100 * p).toFixed(1)} %`;
  const more = (shown: number, all: number): string[] =>
    all > shown
      ? [
          `and ${grouped(all - shown)} more; the summary beside the audit has the first ${grouped(Math.min(all, SUMMARISED))}.`,
        ]
      : [];
  const tables: ReportTable[] = [
    {
      title: 'Proposed merges: identities that look like one person',
      columns: ['labels', 'cosine of the centres', 'likeness', 'probability'],
      rows: merges.map(({ labels, cosine, likeness, probability }) => ({
        cells: [labels.join(' + '), cosine.toFixed(3), likeness.toFixed(2), percent(probability)],
      })),
      notes: more(merges.length, inAll.merges),
    },
    {
      title: 'Proposed splits: folders that hold a second person',
      columns: ['label', 'person', 'images', 'likeness', 'probability'],
      rows: splits.map(({ label, person, images, likeness, probability }) => ({
        cells: [String(label), String(person + 1), String(images), likeness.toFixed(2), percent(probability)],
      })),
      notes: more(splits.length, inAll.splits),
    },
    {
      title: 'Proposed relabels: images of another identity',
      columns: ['image', 'label', 'suggested', 'probability'],
      rows: relabels.map(({ key, label, suggestedLabel, probability }) => ({
        cells: [String(key), String(label), String(suggestedLabel), percent(probability)],
      })),
      notes: more(relabels.length, inAll.relabels),
    },
    {
      title: 'Near-duplicates',
      columns: ['images', 'labels', 'bits that differ', 'cosine', 'probability'],
      rows: duplicates.map(({ keys, labels, hashDistance, cosine, identical, probability }) => ({
        cells: [
          keys.join(' = '),
          labels.join(', '),
          identical ? 'same bytes' : String(hashDistance),
          cosine?.toFixed(3) ?? '',
          percent(probability),
        ],
      })),
      notes: more(duplicates.length, inAll.duplicates),
    },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

function unreadableTable(undecodable: readonly UndecodableImage[]): ReportTable {
  return {
    title: 'Unreadable images',
    columns: ['image', 'why'],
    rows: undecodable
      .slice(0, MOST.rows)
      .map(({ key, reason }) => ({ cells: [String(key), reason.split('\n')[0]!] })),
    notes: undecodable.length > MOST.rows ? [`and ${grouped(undecodable.length - MOST.rows)} more`] : [],
  };
}
