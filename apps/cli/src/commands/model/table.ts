/** Tables of text, as the commands about models print them. */

/** Lines of columns, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const isNumeric = head.map((_, column) => rows.every((row) => /^[\d.]+ ?[KMG]?$/.test(row[column]!)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

const UNITS = ['', 'K', 'M', 'G'] as const;

/** A number of three or four digits and its unit: `1.21 M`. */
export function counted(value: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return unit === 0 ? String(value) : `${(value / 1000 ** unit).toPrecision(4)} ${UNITS[unit]}`;
}
