/** Passes its input on. The reference's symbols have such nodes, and a symbol that is read keeps them. */
import { type LayerRules, onlyInput } from './layer.ts';

export interface IdentityLayer {
  readonly kind: 'identity';
}

export const identityRules: LayerRules<IdentityLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),
  apply: (_, inputs) => onlyInput(inputs),
};
