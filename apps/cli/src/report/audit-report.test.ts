import { describe, expect, it } from 'vitest';
import { angleHistogramSvg } from './angle-histogram-svg.ts';
import { type AuditReport, auditReportHtml } from './audit-report.ts';

const evil = `"><script>alert('1')</script>`;

const report: AuditReport = {
  title: evil,
  lead: [evil],
  cards: [{ figure: evil, meaning: evil }],
  tables: [
    { title: evil, text: [evil], columns: [evil], rows: [{ cells: [evil], highlight: true }], notes: [evil] },
  ],
  histogram: { angles: [40, 80], threshold: 75, text: [evil] },
  identities: [
    {
      name: evil,
      summary: evil,
      kept: [{ jpeg: Uint8Array.of(0xff, 0xd8), description: evil, captions: [evil], right: true }],
      keptInAll: 3,
      dropped: [],
      droppedInAll: 0,
    },
  ],
  reading: { title: evil, points: [evil] },
  footer: [evil],
};

describe('the report', () => {
  it('lets nothing out of its text, whatever the data is called', () => {
    const page = auditReportHtml(report);
    expect(page).not.toContain('<script');
    expect(page.split('&#34;&#62;&#60;script&#62;')).toHaveLength(20);
  });

  it('has the pictures in it, and says how many are not shown', () => {
    const page = auditReportHtml(report);
    expect(page).toContain('src="data:image/jpeg;base64,/9g="');
    expect(page).toContain('and 2 more');
  });
});

describe('the histogram', () => {
  it('writes large counts so that they fit beside the axis', () => {
    const svg = angleHistogramSvg({ angles: new Float64Array(150_000).fill(50) }).text;
    expect(svg).toContain('>150k</text>');
    expect(svg).not.toContain('>150000</text>');
  });

  const bars = (svg: string): number[] =>
    [...svg.matchAll(/<rect class="(?:all|good|bad)" [^>]*height="([\d.]+)"/g)].map(([, height]) =>
      Number(height),
    );

  it('has bars as high as there are images, wrong labels on top', () => {
    const svg = angleHistogramSvg({
      angles: [40, 41, 40.5, 80, 81],
      bad: [0, 0, 1, 1, 1],
      threshold: 75,
    }).text;
    const [good, bad, far] = bars(svg);
    expect(good! / bad!).toBeCloseTo(2, 1);
    expect(far! / bad!).toBeCloseTo(2, 1);
    expect(svg).toContain('dropped from 75');
    expect(svg).toContain('<title>40 to 42.5 degrees: 2 labels right, 1 wrong</title>');
  });

  it('takes angles at the ends, and none at all', () => {
    expect(bars(angleHistogramSvg({ angles: [0, 180] }).text)).toHaveLength(2);
    expect(angleHistogramSvg({ angles: [] }).text).not.toMatch(/NaN|Infinity|undefined/);
  });
});
