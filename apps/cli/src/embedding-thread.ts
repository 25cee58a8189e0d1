/** A thread that embeds for `arcface embed`, `verify`, `audit`, `drop` and `clean`: on ONNX Runtime, with a share of the cores. */
import { backboneFromGraph } from '@arcface/backbones';
import { embedderData, serveEmbedder } from '@arcface/trainer/node';
import { bindOnnxRuntime } from './backends/onnxruntime.ts';
import { type EmbeddingThreadData, tracedOnce } from './frozen-embedder.ts';

const { graph, parameters, threads } = embedderData() as EmbeddingThreadData;
await bindOnnxRuntime('cpu')({ threads });
serveEmbedder(await tracedOnce(backboneFromGraph(graph, { parameters })));
