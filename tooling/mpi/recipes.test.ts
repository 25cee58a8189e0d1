import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { runInProcess } from '../../apps/cli/src/testing/run-in-process.ts';

/* The launch recipes: well-formed, and with no option that the command does not have. */

const folder = fileURLToPath(new URL('../../recipes/', import.meta.url));
const recipes = readdirSync(folder).filter((name) => !name.endsWith('.md'));

test.each(recipes)('%s asks for what arcface has', async (name) => {
  const text = readFileSync(folder + name, 'utf8');
  // In a script, on one line; in a manifest, as a list.
  const words = text
    .replace(/^ *#.*$/gm, '')
    .replace(/\\\n/g, ' ')
    .match(/npx\s+(?:- )?arcface\s+(?:- )?(train|drop|embed)\b[^|;]*?(?="\$@"|\n\n|\n +[A-Za-z]+:|$)/);
  const [command, subcommand] = words!;
  const options = [...command.matchAll(/--[a-z-]+/g)].map(([option]) => option);
  expect(options.length).toBeGreaterThan(3);
  const { stdout } = await runInProcess(subcommand!, '--help');
  expect(options.filter((option) => !stdout.includes(option))).toEqual([]);
});

test('the manifests are those of an MPIJob and of an Indexed Job', () => {
  const read = (name: string) => parse(readFileSync(folder + name, 'utf8'));
  const job = read('train.mpijob.yaml');
  expect(job).toMatchObject({
    ...{ apiVersion: 'kubeflow.org/v2beta1', kind: 'MPIJob' },
    spec: { slotsPerWorker: 1, mpiReplicaSpecs: { Launcher: { replicas: 1 }, Worker: { replicas: 4 } } },
  });
  const launcher = job.spec.mpiReplicaSpecs.Launcher.template.spec.containers[0];
  expect(launcher.command).toContain(String(job.spec.mpiReplicaSpecs.Worker.replicas));
  const shards = read('clean-shards.job.yaml');
  expect(shards).toMatchObject({
    ...{ apiVersion: 'batch/v1', kind: 'Job' },
    spec: { completionMode: 'Indexed', completions: 64, template: { spec: { restartPolicy: 'OnFailure' } } },
  });
  expect(shards.spec.template.spec.containers[0].args[0]).toContain(`/${shards.spec.completions} `);
});
