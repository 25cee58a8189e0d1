/**
 * MXNet's operators as layers: for each, the layer it is, how many of its inputs are activations, and which slots the
 * variables behind them fill. Defaults are MXNet's where an attribute is left out (epsilon 0.001, a fixed gamma).
 */
import { ACTIVATIONS, type ActivationFunction, LEAKY_SLOPE } from '../layers/activation.ts';
import type { Extent } from '../layers/layer.ts';
import type { Layer } from '../layers/layer-table.ts';
import { SymbolAttributes } from './symbol-attributes.ts';
import type { SymbolNode } from './symbol-json.ts';

/** An operator, read. */
export interface OperatorLayer {
  readonly layer: Layer;
  /** Slots that the inputs after the activations fill, in order. */
  readonly slots: readonly string[];
}

/** What is known of a variable besides its name. */
export interface VariableShape {
  /** Its shape, if the symbol states it in full. */
  readonly shape: readonly number[] | undefined;
}

type ReadOperator = (attributes: SymbolAttributes, variables: readonly VariableShape[]) => OperatorLayer;

const ONES: Extent = [1, 1];
const ZEROS: Extent = [0, 0];

const plain =
  (layer: Layer): ReadOperator =>
  () => ({ layer, slots: [] });

const activation = (name: ActivationFunction): OperatorLayer => ({
  layer: { kind: 'activation', function: name },
  slots: [],
});

/** The slope is a setting of the layer where it is not the usual one. */
const sloping = (name: ActivationFunction, slope: number, usual: number): OperatorLayer => ({
  layer: { kind: 'activation', function: name, ...(slope === usual ? {} : { slope }) },
  slots: [],
});

const scale =
  (layer: (scalar: number) => { offset: number; factor: number }): ReadOperator =>
  (attributes) => ({ layer: { kind: 'scale', ...layer(attributes.number('scalar')) }, slots: [] });

const convolution: ReadOperator = (attributes) => {
  refuseOtherLayout(attributes);
  const bias = !attributes.flag('no_bias', false);
  return {
    layer: {
      kind: 'convolution',
      filters: attributes.integer('num_filter', { minimum: 1 }),
      kernel: attributes.extent('kernel', { minimum: 1 }),
      stride: attributes.extent('stride', { minimum: 1, fallback: ONES }),
      padding: attributes.extent('pad', { minimum: 0, fallback: ZEROS }),
      dilation: attributes.extent('dilate', { minimum: 1, fallback: ONES }),
      groups: attributes.integer('num_group', { minimum: 1, fallback: 1 }),
      bias,
    },
    slots: bias ? ['weight', 'bias'] : ['weight'],
  };
};

const dropout: ReadOperator = (attributes) => {
  const mode = attributes.text('mode', 'training');
  if (mode !== 'training') throw attributes.unsupported(`the mode ${mode}`);
  const axes = attributes.text('axes', '()');
  if (!/^[([]\s*[)\]]$/.test(axes)) throw attributes.unsupported(`the same mask along the axes ${axes}`);
  return { layer: { kind: 'dropout', rate: attributes.number('p', 0.5) }, slots: [] };
};

/** Networks trained in half precision cast on the way in and out. Here everything is float32, which is no less exact. */
const cast: ReadOperator = (attributes) => {
  const dtype = attributes.text('dtype');
  if (!/^float(16|32|64)$/.test(dtype)) throw attributes.unsupported(`a cast to ${dtype}`);
  return { layer: { kind: 'identity' }, slots: [] };
};

const batchNorm: ReadOperator = (attributes) => {
  if (attributes.integer('axis', { minimum: -1, fallback: 1 }) !== 1) {
    throw attributes.unsupported('another axis than 1');
  }
  return {
    layer: {
      kind: 'batch-norm',
      epsilon: attributes.number('eps', 1e-3),
      momentum: attributes.number('momentum', 0.9),
      fixGamma: attributes.flag('fix_gamma', true),
      globalStatistics: attributes.flag('use_global_stats', false),
    },
    slots: ['gamma', 'beta', 'mean', 'variance'],
  };
};

const leakyRelu: ReadOperator = (attributes, variables) => {
  const type = attributes.text('act_type', 'leaky');
  switch (type) {
    case 'prelu': {
      const shape = variables[0]?.shape;
      return { layer: { kind: 'prelu', shared: shape?.length === 1 && shape[0] === 1 }, slots: ['slope'] };
    }
    case 'leaky':
      return sloping('leaky', attributes.number('slope', LEAKY_SLOPE), LEAKY_SLOPE);
    case 'selu':
      return activation('selu');
    case 'elu':
      // MXNet's default is that of `leaky`.
      return sloping('elu', attributes.number('slope', LEAKY_SLOPE), 1);
    default:
      throw attributes.unsupported(`the type ${type}`);
  }
};

/** MobileNets of Gluon have their rectifier that stays at 6 as a clip; of other bounds there is no layer. */
const clip: ReadOperator = (attributes) => {
  const [least, most] = [attributes.number('a_min'), attributes.number('a_max')];
  if (least !== 0 || most !== 6) {
    throw attributes.unsupported(`a range from ${least} to ${most} (ReLU6 has 0 to 6)`);
  }
  return activation('relu6');
};

/** @throws BackbonesError `unsupported` for channels that come last */
function refuseOtherLayout(attributes: SymbolAttributes): void {
  const layout = attributes.text('layout', 'NCHW');
  if (layout !== 'NCHW' && layout !== 'None') throw attributes.unsupported(`the layout ${layout}`);
}

const pooling: ReadOperator = (attributes) => {
  refuseOtherLayout(attributes);
  const method = attributes.text('pool_type', 'max');
  const global = attributes.flag('global_pool', false);
  if (method !== 'avg' && method !== 'max') {
    throw attributes.unsupported(`${method} pooling`);
  }
  const convention = attributes.text('pooling_convention', 'valid');
  if (!global && convention !== 'valid' && convention !== 'full') {
    throw attributes.unsupported(`the pooling convention ${convention}`);
  }
  return {
    layer: {
      kind: 'pooling',
      method: method === 'avg' ? 'average' : 'maximum',
      global,
      kernel: global ? ONES : attributes.extent('kernel', { minimum: 1 }),
      stride: global ? ONES : attributes.extent('stride', { minimum: 1, fallback: ONES }),
      padding: global ? ZEROS : attributes.extent('pad', { minimum: 0, fallback: ZEROS }),
      countPadding: attributes.flag('count_include_pad', true),
      ...(!global && convention === 'full' ? { roundUp: true } : {}),
    },
    slots: [],
  };
};

const MATRICES = ['FullyConnected', '_npx_fully_connected'];

/** Whether an operator is a matrix that leaves all axes but the last as they are: whoever knows shapes has to say what that is. */
export function isMatrixOfLastAxis(node: SymbolNode): boolean {
  return MATRICES.includes(node.operator) && !new SymbolAttributes(node).flag('flatten', true);
}

/** An operator by all of its names: those that files have had over the years, and those of MXNet's numpy mode (`_np...`). */
const named = (names: readonly string[], read: ReadOperator) => names.map((name) => [name, read] as const);

/** Operators by MXNet's names. */
export const operators: ReadonlyMap<string, ReadOperator> = new Map<string, ReadOperator>([
  ...named(['_copy', '_np_copy', 'identity', 'BlockGrad'], plain({ kind: 'identity' })),
  ...named(
    ['_minus_scalar', '_MinusScalar', '_npi_subtract_scalar'],
    scale((offset) => ({ offset, factor: 1 })),
  ),
  ...named(
    ['_plus_scalar', '_PlusScalar', '_npi_add_scalar'],
    scale((summand) => ({ offset: -summand, factor: 1 })),
  ),
  ...named(
    ['_mul_scalar', '_MulScalar', '_npi_multiply_scalar'],
    scale((factor) => ({ offset: 0, factor })),
  ),
  ...named(
    ['_div_scalar', '_DivScalar', '_npi_true_divide_scalar'],
    scale((divisor) => ({ offset: 0, factor: 1 / divisor })),
  ),
  ...named(['Convolution', 'Convolution_v1', '_npx_convolution'], convolution),
  ...named(
    ['BatchNorm', 'BatchNorm_v1', 'CuDNNBatchNorm', '_contrib_SyncBatchNorm', '_npx_batch_norm'],
    batchNorm,
  ),
  ...named(['LeakyReLU', '_npx_leaky_relu'], leakyRelu),
  ...named(['Activation', '_npx_activation'], (attributes) => {
    const name = attributes.text('act_type');
    if (!Object.hasOwn(ACTIVATIONS, name)) {
      throw attributes.unsupported(`the type ${name}`);
    }
    return activation(name as ActivationFunction);
  }),
  ...named(['relu', '_npx_relu'], () => activation('relu')),
  ...named(['sigmoid', '_npx_sigmoid'], () => activation('sigmoid')),
  ...named(['tanh', '_npi_tanh'], () => activation('tanh')),
  ['softsign', () => activation('softsign')],
  ...named(['clip', '_npi_clip'], clip),
  ...named(['Pooling', '_npx_pooling'], pooling),
  ...named(MATRICES, (attributes) => {
    const bias = !attributes.flag('no_bias', false);
    const outputs = attributes.integer('num_hidden', { minimum: 1 });
    return {
      layer: { kind: 'fully-connected', outputs, bias },
      slots: bias ? ['weight', 'bias'] : ['weight'],
    };
  }),
  ...named(['Dropout', '_npx_dropout'], dropout),
  ...named(['Cast', 'amp_cast', '_npx_cast'], cast),
  ...named(['Flatten', 'flatten', '_npx_batch_flatten'], plain({ kind: 'flatten' })),
  [
    'Concat',
    (attributes) => {
      if (attributes.integer('dim', { minimum: -4, fallback: 1 }) !== 1) {
        throw attributes.unsupported('another axis than the channels');
      }
      return { layer: { kind: 'concatenate' }, slots: [] };
    },
  ],
  ...named(
    [
      'elemwise_add',
      '_Plus',
      '_plus',
      'broadcast_add',
      'broadcast_plus',
      '_add',
      'add_n',
      'ElementWiseSum',
      '_npi_add',
    ],
    plain({ kind: 'add' }),
  ),
  ...named(['elemwise_mul', '_Mul', '_mul', 'broadcast_mul', '_npi_multiply'], plain({ kind: 'multiply' })),
  ...named(['elemwise_div', '_Div', '_div', 'broadcast_div', '_npi_true_divide'], plain({ kind: 'divide' })),
  ['sqrt', plain({ kind: 'square-root' })],
  [
    'sum',
    (attributes) => {
      const axis = attributes.text('axis', '()').replace(/[()[\]\s,]/g, '');
      if (axis !== '1' || !attributes.flag('keepdims', false) || attributes.flag('exclude', false)) {
        throw attributes.unsupported('a sum over something else than the channels');
      }
      return { layer: { kind: 'sum-channels' }, slots: [] };
    },
  ],
  [
    'mean',
    (attributes) => {
      if (!/^(\(\)|\[\]|None)$/.test(attributes.text('axis', '()'))) {
        throw attributes.unsupported('a mean over some axes');
      }
      return { layer: { kind: 'mean-of-batch' }, slots: [] };
    },
  ],
  [
    'tile',
    (attributes) => {
      const [batch, times, height, width, ...more] = attributes.integers('reps', { minimum: 1 });
      if (batch !== 1 || times === undefined || height !== 1 || width !== 1 || more.length > 0) {
        throw attributes.unsupported('repetition along something else than the channels');
      }
      return { layer: { kind: 'repeat-channels', times }, slots: [] };
    },
  ],
]);
