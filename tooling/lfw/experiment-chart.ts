/** The experiment as a picture: AUC over the share of noise, a line a kind of network, a point a seed. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Row } from './results.ts';

/** @returns SVG */
export async function experimentChart(rows: readonly Row[], networks: readonly string[]): Promise<string> {
  const order = [...networks];
  const place = {
    x: { field: 'noise', type: 'ordinal' as const, title: 'wrong labels, %', axis: { labelAngle: 0 } },
    xOffset: { field: 'network', sort: order },
    color: {
      field: 'network',
      type: 'nominal' as const,
      title: 'trained on',
      sort: order,
      // A colour each: other palettes begin again after ten.
      scale: { scheme: 'category20' },
      legend: { labelLimit: 480 },
    },
  };
  const auc = {
    field: 'auc',
    type: 'quantitative' as const,
    title: 'AUC, people not trained on',
    scale: { zero: false },
  };
  const specification: TopLevelSpec = {
    background: 'white',
    data: { values: rows.map(({ network, rate, auc }) => ({ network, auc, noise: Math.round(100 * rate) })) },
    width: 800,
    height: 360,
    layer: [
      { mark: { type: 'point', filled: true, size: 22, opacity: 0.6 }, encoding: { ...place, y: auc } },
      {
        mark: { type: 'tick', thickness: 2, size: 9 },
        encoding: { ...place, y: { ...auc, aggregate: 'mean' } },
      },
    ],
  };
  const svg = await new View(parse(compile(specification).spec), { renderer: 'none' }).toSVG();
  // The picture has one title; what each mark is stands in the tables.
  const plain = svg.replaceAll(/ (role|aria-[a-z]+)="[^"]*"/g, '');
  return plain.replace(/<svg[^>]*>/, (tag) => `${tag}<title>AUC of every network, by noise</title>`);
}
