// What becomes of the texts of ONNX Runtime, Dawn and drivers.

import { expect, it } from 'vitest';
import { refusal } from './refusal.ts';

const failed = (message: string, provider: string) =>
  refusal({ moment: 'run-failed', provider, cause: new Error(message), callSites: undefined });

it.each([
  ['webgpu', 'Failed to download data from buffer: [Device "WebGPU"] is lost.'],
  ['webgpu', 'WebGPU device lost (1): the driver was reset'],
  ['webgpu', 'vkQueueSubmit failed with VK_ERROR_DEVICE_LOST'],
  ['webgpu', 'Present failed with DXGI_ERROR_DEVICE_REMOVED (0x887A0005)'],
  ['cuda', 'CUDA failure 719: unspecified launch failure ; GPU=0 ; expr=cudaStreamSynchronize(stream_);'],
  ['cuda', 'CUDA failure 700: an illegal memory access was encountered ; GPU=0'],
])('knows a lost device on %s: %s', (provider, message) => {
  const error = failed(`${message} Name:'Conv2D/Conv/v8'`, provider);
  expect(error).toMatchObject({ code: 'device-lost', op: 'Conv2D' });
  expect(error.message).toContain('from its last checkpoint');
  expect(error.message).toContain(message);
});

it.each([
  ['cpu', 'std::bad_alloc'],
  ['cpu', 'bfc_arena.cc:360 Failed to allocate memory for requested buffer of size 400000000000000'],
  ['cuda', 'CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);'],
  ['webgpu', 'Array buffer allocation failed'],
])('knows that memory is short on %s: %s', (provider, message) => {
  expect(failed(message, provider)).toMatchObject({ code: 'out-of-memory', op: undefined });
});

it('does not take the processor for a device that can be lost, nor one failure for another', () => {
  expect(failed('the word device was lost in translation', 'cpu').code).toBe('run-failed');
  expect(failed('CUDA failure 1: invalid argument ; GPU=1', 'cuda').code).toBe('run-failed');
  expect(failed('CUDA failure 7000: not one that there is', 'cuda').code).toBe('run-failed');
});

it('tells where the kernel was called that wrote the value before', () => {
  const error = refusal({
    moment: 'compilation-failed',
    provider: 'cpu',
    cause: "Node (GatherV2/Gather/v12) has an input that isn't there",
    callSites: [
      { firstValue: 3, site: 'at first (a.ts:1:1)' },
      { firstValue: 11, site: 'at second (b.ts:2:2)' },
      { firstValue: 13, site: 'at third (c.ts:3:3)' },
    ],
  });
  expect(error).toMatchObject({
    code: 'compilation-failed',
    op: 'GatherV2',
    callSite: 'at second (b.ts:2:2)',
  });
});
