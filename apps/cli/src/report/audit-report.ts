/**
 * A report on a cleaned dataset as one HTML file that needs nothing else: figures, the histogram of angles, and for some
 * identities what was kept and what was dropped. Where the truth is known (the demo, experiments) decisions are marked
 * right or wrong.
 */
import { angleHistogramSvg, type HistogramImages } from './angle-histogram-svg.ts';
import { Html, type HtmlValue, html } from './html.ts';
import { REPORT_STYLE } from './report-style.ts';

/** A figure that stands out at the top. */
export interface ReportCard {
  readonly figure: string;
  readonly meaning: string;
}

export interface ReportTable {
  readonly title: string;
  /** Below the title, before the table. */
  readonly text?: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly { readonly cells: readonly string[]; readonly highlight?: boolean }[];
  /** Below the table, smaller. */
  readonly notes?: readonly string[];
}

/** A face in a row of faces. */
export interface ReportFace {
  /** The encoded image, a JPEG. */
  readonly jpeg: Uint8Array;
  /** What it is, for those who do not see it. */
  readonly description: string;
  /** Below the image: the angle, usually. */
  readonly captions: readonly string[];
  /** Whether the decision was right, where that is known. */
  readonly right?: boolean | undefined;
}

export interface ReportIdentity {
  readonly name: string;
  readonly summary: string;
  readonly kept: readonly ReportFace[];
  readonly keptInAll: number;
  readonly dropped: readonly ReportFace[];
  readonly droppedInAll: number;
}

export interface AuditReport {
  readonly title: string;
  readonly lead: readonly string[];
  readonly cards: readonly ReportCard[];
  readonly tables: readonly ReportTable[];
  readonly histogram: HistogramImages & { readonly text: readonly string[] };
  readonly identities: readonly ReportIdentity[];
  /** What follows from the figures, and what does not. */
  readonly reading: { readonly title: string; readonly points: readonly string[] };
  /** How it was made: versions, settings, commands. */
  readonly footer: readonly string[];
}

/** The whole file. */
export function auditReportHtml(report: AuditReport): string {
  const { title, lead, cards, tables, histogram, identities, reading, footer } = report;
  const truth = histogram.bad !== undefined;
  return reportPage({
    title,
    lead,
    cards,
    sections: [
      ...tables.map(tableSection),
      html`<section>
<h2>Angles</h2>
${paragraphs(histogram.text)}
${angleHistogramSvg(histogram)}
${truth ? histogramLegend() : ''}
</section>`,
      html`<section>
<h2>Kept and dropped</h2>
${truth ? faceLegend() : ''}
${identities.map(identityRow)}
</section>`,
      html`<section>
<h2>${reading.title}</h2>
<ul>${reading.points.map((point) => html`<li>${point}</li>`)}</ul>
</section>`,
    ],
    footer,
  });
}

/** A page of sections, with its style in it. */
export function reportPage({
  title,
  lead,
  cards,
  sections,
  footer,
}: Pick<AuditReport, 'title' | 'lead' | 'cards' | 'footer'> & {
  readonly sections: readonly Html[];
}): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${paragraphs(lead, 'lead')}
<div class="cards">${cards.map((card) => html`<div class="card"><b>${card.figure}</b><span>${card.meaning}</span></div>`)}</div>
${sections}
<footer>${paragraphs(footer)}</footer>
</main>
</body>
</html>
`.text;
}

function paragraphs(texts: readonly string[], kind = ''): HtmlValue {
  return texts.map((text) => (kind === '' ? html`<p>${text}</p>` : html`<p class="${kind}">${text}</p>`));
}

export function tableSection({ title, text = [], columns, rows, notes = [] }: ReportTable): Html {
  return html`<section>
<h2>${title}</h2>
${paragraphs(text)}
<div class="scroll"><table>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map(({ cells, highlight }) => html`<tr${highlight ? html` class="highlight"` : ''}>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table></div>
${paragraphs(notes, 'note')}
</section>`;
}

function histogramLegend(): Html {
  return html`<p class="legend"><span><i style="background:var(--good)"></i>label right</span><span><i style="background:var(--bad)"></i>label wrong</span></p>`;
}

function faceLegend(): Html {
  return html`<p class="legend"><span><i class="ring" style="border-color:var(--right)"></i>decided rightly</span><span><i class="ring" style="border-color:var(--wrong)"></i>decided wrongly (a good image dropped, or a bad one kept)</span></p>`;
}

export function identityRow({ name, summary, kept, keptInAll, dropped, droppedInAll }: ReportIdentity): Html {
  return html`<div class="identity">
<h3>${name}<small>${summary}</small></h3>
<div class="rows">
${faces('kept', kept, keptInAll)}
${faces('dropped', dropped, droppedInAll)}
</div>
</div>
`;
}

function faces(title: string, shown: readonly ReportFace[], inAll: number): Html {
  // Without any face there is nothing that there could be more of.
  const more = shown.length === 0 ? 0 : inAll - shown.length;
  return html`<div><h4>${title}: ${inAll}</h4><div class="faces">${shown.map(face)}${more > 0 ? html`<span class="more">and ${more} more</span>` : ''}</div></div>`;
}

function face({ jpeg, description, captions, right }: ReportFace): Html {
  const kind = right === undefined ? '' : right ? 'right' : 'wrong';
  const source = `data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}`;
  return html`<figure class="${kind}"><img src="${source}" alt="${description}" title="${description}" loading="lazy"><figcaption>${captions.map((caption, i) => (i === 0 ? caption : html`<br>${caption}`))}</figcaption></figure>`;
}
