import type { Backbone } from '@arcface/backbones';
import { expect, test } from 'vitest';
import { checkFrozen, isFrozen } from './frozen-parameters.ts';

test.each([
  ['stage1_unit1_conv1_weight', ['stage1'], true],
  ['stage10_unit1_conv1_weight', ['stage1'], false],
  ['layer1.0.bn1.weight', ['layer1'], true],
  ['layer1.0.bn1.weight', ['layer1.0', 'fc'], true],
  ['layer1.0.bn1.weight', ['layer'], false],
  ['layer1.0.bn1.weight', ['layer1.0.bn1.weight'], true],
  ['conv0_weight', ['*'], true],
  ['conv0_weight', [], false],
  ['conv0_weight', [''], false],
])('%s among the parts %j: %s', (name, frozen, expected) => {
  expect(isFrozen(name, frozen)).toBe(expected);
});

test('names the parts that there are, of MXNet’s names and of PyTorch’s', () => {
  const network = (...names: string[]): Backbone =>
    ({ name: 'some', parameters: new Map(names.map((name) => [name, {}])) }) as unknown as Backbone;
  const refusal = (backbone: Backbone) => () => checkFrozen(backbone, ['stem']);
  expect(refusal(network('conv0_weight', 'bn0_gamma', 'bn0_beta'))).toThrow(
    /Its parts are conv0, bn0, or \*/,
  );
  expect(refusal(network('conv1.weight', 'layer1.0.bn1.weight', 'layer1.1.bn1.weight'))).toThrow(
    /Its parts are conv1, layer1, or \*/,
  );
});
