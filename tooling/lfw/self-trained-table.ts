/**
 * How well rules find the noise when the network was trained on the very labels that they judge: F1 with each rule's own cut,
 * from the evidence that `end-to-end.ts` left.
 *
 *     npx tsx tooling/lfw/self-trained-table.ts --evidence evidence --seeds 0,1,2 --rates .4,.2,0
 *
 * Prints a Markdown table: mean over the seeds that are there, all of them behind it; for clean data the share of good images that go.
 */
import { confusionMetrics } from '@arcface/cleaner';
import { Command } from 'commander';
import { STARTS, type StartName } from './results.ts';
import { dropsOf, SELF_TRAINED_RULES } from './self-trained-rules.ts';
import { evidencePath, readEvidence } from './training-evidence.ts';

const options = new Command()
  .option('--start <name>', `what networks started from: ${STARTS.join(', ')}`, 'scratch')
  .option('--seeds <list>', 'of the cells', '0,1,2')
  .option('--rates <list>', 'of the cells', '.4,.2,0')
  .option('--only <pattern>', 'rules whose name matches')
  .requiredOption('--evidence <folder>', 'as given to end-to-end.ts')
  .parse()
  .opts<Record<'seeds' | 'rates' | 'evidence', string> & { start: StartName; only?: string }>();
const seeds = options.seeds.split(',').map(Number);
const rates = options.rates.split(',').map(Number);

console.log(
  `| rule | ${rates.map((rate) => (rate > 0 ? `${100 * rate} % noise, F1` : 'no noise, good images dropped')).join(' | ')} |`,
);
console.log(`|---|${'---|'.repeat(rates.length)}`);
for (const rule of SELF_TRAINED_RULES.filter((name) => new RegExp(options.only ?? '').test(name))) {
  const cells = rates.map((rate) => {
    const values = seeds.flatMap((seed) => {
      const evidence = (subcenters: number) =>
        readEvidence(evidencePath(options.evidence, { rate, seed, start: options.start }, `k-${subcenters}`));
      const [one, three] = [evidence(1), evidence(3)];
      const needed = rule.includes('K = 3') ? three : one;
      if (needed === undefined) return [];
      const gone = dropsOf(rule, () => [needed]);
      return [rate > 0 ? f1(gone, needed.bad) : gone.filter((drop) => drop === 1).length / gone.length];
    });
    if (values.length === 0) return '';
    const text = (value: number) => value.toFixed(3).replace(/^0/, '');
    return `${text(values.reduce((sum, value) => sum + value, 0) / values.length)} (${values.map(text).join(', ')})`;
  });
  console.log(`| ${rule} | ${cells.join(' | ')} |`);
}

function f1(gone: Uint8Array, bad: Uint8Array): number {
  const count = (is: (i: number) => boolean) => gone.filter((_, i) => is(i)).length;
  const both = count((i) => gone[i] === 1 && bad[i] === 1);
  return confusionMetrics(both, count((i) => gone[i] === 1) - both, count((i) => bad[i] === 1) - both).f1!;
}
