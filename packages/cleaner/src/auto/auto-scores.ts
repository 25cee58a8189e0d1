/*
 * What the automatic rule knows of every image.
 */

/** All arrays are in data order; the three probabilities of an image sum to one. */
export interface AutoScores {
  /** Cosines above this are links: the image pairs that are taken for the same person when modes are looked for. */
  readonly linkCut: number;
  /** The image shows the person of its label. */
  readonly pClean: Float64Array;
  /** It shows somebody who is none of the identities. */
  readonly pOutsider: Float64Array;
  /** It shows the person of another label. */
  readonly pElsewhere: Float64Array;
  /** That other label, its best guess whatever the probability. */
  readonly elsewhere: Int32Array;
  /** 0, or the number of the other person in the image's folder that the image shows: 1, 2, ... */
  readonly secondPerson: Int32Array;
}
