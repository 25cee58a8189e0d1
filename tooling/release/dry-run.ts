/**
 * What the next release would be, without making it: in a clone of the last commit, changesets computes the versions, writes
 * the changelogs and sets the tags, and each package is packed with them. Prints what a release pull request would contain.
 * `pnpm release:dry-run`; needs no network and changes nothing here.
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { publishedPackages, readManifest, root, run } from './published-packages.ts';

const clone = mkdtempSync(join(tmpdir(), 'arcface-release-'));
const git = (...args: readonly string[]): string =>
  run('git', ['-c', 'user.name=release', '-c', 'user.email=release@localhost', ...args], clone);

try {
  run('git', ['clone', '--quiet', '--local', '--no-tags', root, clone], root);
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  const changeset = join(clone, 'node_modules', '.bin', 'changeset');

  const before = new Map(
    publishedPackages().map((directory) => [directory, readManifest(directory).version]),
  );
  run(changeset, ['version'], clone);
  git('add', '--all', '.changeset', 'packages', 'apps');
  git('commit', '--quiet', '--message', 'Release');
  run(changeset, ['tag'], clone);
  const tags = git('tag', '--points-at', 'HEAD').trim().split('\n');

  console.log('# Files of the release pull request\n');
  console.log(git('show', '--stat=110', '--format=', 'HEAD'));
  console.log('# Packages\n');
  const faults: string[] = [];
  for (const [directory, old] of before) {
    const released = join(clone, relative(root, directory));
    const { name, version } = readManifest(released);
    const tag = `${name}@${version}`;
    console.log(`## ${name}: ${old} -> ${version}, tag ${tag}\n`);
    if (version === old) continue;
    if (!tags.includes(tag)) faults.push(`${name}: no tag ${tag}`);
    const changelog = readFileSync(join(released, 'CHANGELOG.md'), 'utf8');
    const entry = changelog.split(/^(?=## )/m)[1] ?? '';
    if (!entry.startsWith(`## ${version}`))
      faults.push(`${name}: the changelog does not begin with ${version}`);
    console.log(entry.split('\n').slice(1).join('\n').trim(), '\n');
  }
  const privateTag = tags.find(
    (tag) => ![...before.keys()].some((d) => tag.startsWith(`${readManifest(d).name}@`)),
  );
  if (privateTag !== undefined) faults.push(`${privateTag} is a tag of nothing that is published`);
  for (const fault of faults) console.error(`BAD  ${fault}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  rmSync(clone, { recursive: true, force: true });
}
