/** Where the reference's own output lies, when it lies beside this repository. Tests that need it are skipped elsewhere. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const shared = fileURLToPath(new URL('../../../../../shared/', import.meta.url));

export const oracleFolder = `${shared}oracle/`;
export const dataFolder = `${shared}data/`;
export const oracleIsAbsent = !existsSync(`${oracleFolder}backbones`);
export const dataIsAbsent = !existsSync(`${dataFolder}mobilefacenet-y1`);

export function oracleBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(oracleFolder + path));
}

export function oracleJson<T>(path: string): T {
  return JSON.parse(readFileSync(oracleFolder + path, 'utf8')) as T;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A parameter as the reference lists it. */
export interface OracleParameter {
  readonly name: string;
  readonly shape: number[];
  /** Biases are among `beta`, slopes are `prelu`. */
  readonly kind: 'weight' | 'gamma' | 'beta' | 'prelu' | 'mean' | 'var';
  readonly fix_gamma?: boolean;
}

/** What the reference says of one network. */
export interface OracleNetwork {
  readonly module?: string;
  /** The reference's settings. */
  readonly config: {
    readonly num_layers?: number;
    readonly net_unit: number;
    readonly net_input: number;
    readonly net_output: string;
    readonly net_se: number;
    readonly net_act: string;
    readonly net_blocks: number[];
    readonly net_multiplier: number;
    readonly emb_size: number;
  };
  /** Of a network made for the training test alone. */
  readonly tiny?: { readonly units: number[]; readonly filters: number[]; readonly emb: number } | null;
  readonly network?: string | null;
  readonly build_error?: string;
  readonly shape_error?: string;
  readonly flops_error?: string;
  readonly args: OracleParameter[];
  readonly aux: OracleParameter[];
  readonly params_args: number;
  readonly params_aux: number;
  readonly flops_reference: number;
  readonly weight_gain: number;
  readonly fc1: number[][];
}

export function oracleNetwork(name: string): OracleNetwork {
  return oracleJson<OracleNetwork>(`backbones/${name}.json`);
}

export function oracleSymbol(name: string): string {
  return gunzipSync(oracleBytes(`backbones/${name}.symbol.json.gz`)).toString('utf8');
}

/** Names of all networks that the reference could build. */
export function oracleNetworks(): string[] {
  return oracleIsAbsent
    ? []
    : readdirSync(`${oracleFolder}backbones`)
        .filter((file) => file.endsWith('.symbol.json.gz'))
        .map((file) => file.replace('.symbol.json.gz', ''));
}
