/** The page of every error, from the codes in the sources and the comments above them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GeneratedPage } from './command-line-pages.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A code, and what its comment says: what is wrong, and what to do. */
interface ErrorCode {
  readonly code: string;
  readonly meaning: string;
}

interface ErrorClass {
  readonly package: string;
  readonly name: string;
  readonly codes: readonly ErrorCode[];
}

export function errorsPage(): GeneratedPage {
  const classes = readdirSync(join(root, 'packages')).sort().flatMap(errorClasses);
  const parts = [
    '<!-- Written from the comments on the error codes by `npx pnpm site:generate`. Edit those, not this page. -->\n',
    '# Every error, and what to do\n',
    'Each package has one error class. Its message is for people: what was expected, what was found, where, and what to do. Its `code`',
    'is for programs and is one of these. The command line prints the message behind `error:` and ends with exit code 1, or 2 when what was',
    'typed cannot mean anything; with `ARCFACE_DEBUG=1` in the environment it prints where in the code it came from.\n',
  ];
  for (const { package: from, name, codes } of classes) {
    parts.push(
      `## ${name}\n`,
      `Thrown by \`${from}\`.\n`,
      '| code | what is wrong, and what to do |\n| --- | --- |',
    );
    for (const { code, meaning } of codes)
      parts.push(`| \`${code}\` | ${meaning.replaceAll('|', '\\|').replaceAll('<', '&lt;')} |`);
    parts.push('');
  }
  return { path: 'errors.md', text: parts.join('\n') };
}

/** The classes of a package: unions of codes named `...ErrorCode` at the top of a source file. */
function errorClasses(folder: string): ErrorClass[] {
  const source = join(root, 'packages', folder, 'src');
  let files: string[];
  try {
    files = readdirSync(source).filter((file) => /error(s)?\.ts$/.test(file));
  } catch {
    return []; // no package
  }
  const { name } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as {
    name: string;
  };
  return files.flatMap((file) => {
    const text = readFileSync(join(source, file), 'utf8');
    const union = /export type (\w+Error)Code =([\s\S]*?);\n/.exec(text);
    if (union === null) return [];
    return [{ package: name, name: union[1]!, codes: codesOf(union[2]!, `packages/${folder}/src/${file}`) }];
  });
}

/** @throws Error for a code without a comment of its own */
function codesOf(union: string, file: string): ErrorCode[] {
  const codes: ErrorCode[] = [];
  let comment = '';
  for (const [part] of union.matchAll(/\/\*\*[\s\S]*?\*\/|\/\/.*|'[a-z0-9-]+'/g)) {
    if (part.startsWith('//')) continue;
    if (part.startsWith('/**')) {
      comment = part
        .slice(3, -2)
        .replace(/\n\s*\*?/g, ' ')
        .replace(/\s+/g, ' ')
        .trim();
      continue;
    }
    const code = part.slice(1, -1);
    if (comment === '') throw new Error(`${file}: the code '${code}' has no comment that says what to do`);
    codes.push({ code, meaning: comment });
    comment = '';
  }
  return codes;
}
